import { Alert, PageSection } from '@patternfly/react-core';
import type { AuditRecord } from '@slipway/fleet-api';
import type { ReactNode } from 'react';
import { useCall, useList } from '../api/queries.ts';
import { Filters } from '../parts/filters.tsx';
import { ExactMoment } from '../parts/moment.tsx';
import { PageTitle } from '../parts/page-title.tsx';
import { type Column, Rows } from '../parts/rows.tsx';
import { StateLabel } from '../parts/state-label.tsx';
import { useUrlFilter } from '../parts/url-filter.ts';

const FILTERS = ['search'];

const COLUMNS: readonly Column<AuditRecord>[] = [
  { title: 'When', width: 15, cell: ({ at }) => <ExactMoment at={at} /> },
  { title: 'Who', width: 15, cell: ({ actor }) => actor },
  { title: 'From', width: 10, cell: ({ address }) => address ?? '' },
  { title: 'What', width: 15, cell: ({ action }) => action },
  { title: 'On', width: 15, cell: ({ target }) => target ?? '' },
  { title: 'Outcome', width: 10, cell: ({ outcome }) => <StateLabel state={outcome} /> },
  { title: 'Detail', width: 20, cell: ({ detail }) => inWords(detail) },
];

/** Every change: who, what, from where; and whether the log itself is whole. */
export function AuditPage(): ReactNode {
  const [filter, setFilter] = useUrlFilter(FILTERS);
  const { search } = filter;
  const list = useList('audit.list', { query: search === undefined ? {} : { search } });
  return (
    <>
      <PageTitle title="Audit log" />
      <PageSection isFilled>
        <Verdict />
        <Filters
          filter={filter}
          onChange={setFilter}
          searches={{ search: 'Who, what or on what' }}
          choices={[]}
        />
        <Rows
          label="records"
          list={list}
          columns={COLUMNS}
          keyOf={({ sequence }) => String(sequence)}
          empty="Nothing was changed yet."
        />
      </PageSection>
    </>
  );
}

function Verdict(): ReactNode {
  const { data } = useCall('audit.verify', {});
  if (data === undefined) return null;
  return data.intact ? (
    <Alert
      component="h2"
      isInline
      isPlain
      variant="success"
      title={`The chain of ${data.records.toLocaleString('en')} records is whole`}
    />
  ) : (
    <Alert
      component="h2"
      isInline
      variant="danger"
      title={`The chain is broken at record ${data.brokenAt}: somebody changed the log`}
    />
  );
}

function inWords(detail: AuditRecord['detail']): string {
  return Object.entries(detail)
    .map(([name, value]) => `${name}: ${value}`)
    .join(', ');
}
