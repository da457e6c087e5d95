import { Card, CardBody, CardTitle, PageSection } from '@patternfly/react-core';
import type { Release } from '@slipway/fleet-api';
import type { ReactNode } from 'react';
import { useCall, useList } from '../api/queries.ts';
import { DigestText } from '../parts/digest-text.tsx';
import { Filters } from '../parts/filters.tsx';
import { Moment } from '../parts/moment.tsx';
import { PageTitle } from '../parts/page-title.tsx';
import { ProblemAlert } from '../parts/problem-alert.tsx';
import { ReleaseGraphPicture } from '../parts/release-graph.tsx';
import { type Column, Rows } from '../parts/rows.tsx';
import { useUrlFilter } from '../parts/url-filter.ts';

const FILTERS = ['search', 'stream'];

const COLUMNS: readonly Column<Release>[] = [
  { title: 'Release', width: 15, cell: ({ metadata }) => metadata.name },
  { title: 'Version', width: 10, cell: ({ spec }) => spec.version },
  {
    title: 'Images',
    width: 35,
    cell: ({ spec }) =>
      spec.images.map(({ architecture, reference, digests }) => (
        <div key={architecture}>
          {architecture} {reference} <DigestText digest={digests[0]} />
        </div>
      )),
  },
  { title: 'Devices', width: 10, cell: ({ status }) => status.devices.toLocaleString('en') },
  { title: 'Fleets', width: 10, cell: ({ status }) => status.fleets.join(', ') },
  {
    title: 'Notes',
    width: 20,
    cell: ({ spec }) =>
      spec.withdrawn?.reason ?? spec.deadEnd?.reason ?? spec.barrier?.reason ?? spec.notes ?? '',
  },
  { title: 'Added', width: 10, cell: ({ metadata }) => <Moment at={metadata.createdAt} /> },
];

/** All releases, and the ways between them. */
export function ReleasesPage(): ReactNode {
  const [filter, setFilter] = useUrlFilter(FILTERS);
  const { search, stream } = filter;
  const list = useList('releases.list', { query: search === undefined ? {} : { search } });
  const graph = useCall('releases.graph', { query: stream === undefined ? {} : { stream } });
  return (
    <>
      <PageTitle title="Releases" />
      <PageSection isFilled>
        <Card>
          <CardTitle component="h2">From release to release</CardTitle>
          <CardBody>
            <ProblemAlert error={graph.error} />
            {graph.data !== undefined && <ReleaseGraphPicture graph={graph.data} />}
          </CardBody>
        </Card>
        <Filters
          filter={filter}
          onChange={setFilter}
          searches={{ search: 'Part of a name', stream: 'Stream of the graph' }}
          choices={[]}
        />
        <Rows
          label="releases"
          list={list}
          columns={COLUMNS}
          keyOf={({ metadata }) => metadata.name}
          empty="Add one with: slipway fleet apply -f release.yaml"
        />
      </PageSection>
    </>
  );
}
