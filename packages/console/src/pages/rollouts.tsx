import { PageSection } from '@patternfly/react-core';
import type { Rollout } from '@slipway/fleet-api';
import type { ReactNode } from 'react';
import { Link } from 'react-router';
import { useList } from '../api/queries.ts';
import { rolloutShares } from '../parts/device-shares.ts';
import { Filters } from '../parts/filters.tsx';
import { Moment } from '../parts/moment.tsx';
import { PageTitle } from '../parts/page-title.tsx';
import { type Column, Rows } from '../parts/rows.tsx';
import { SharesBar } from '../parts/shares-bar.tsx';
import { StateLabel } from '../parts/state-label.tsx';
import { useUrlFilter } from '../parts/url-filter.ts';

const FILTERS = ['fleet', 'active'];

const COLUMNS: readonly Column<Rollout>[] = [
  {
    title: 'Rollout',
    width: 25,
    cell: ({ metadata, spec }) => (
      <Link to={`/rollouts/${metadata.name}`}>
        {spec.fleet} to {spec.release}
      </Link>
    ),
  },
  { title: 'State', width: 10, cell: ({ status }) => <StateLabel state={status.state} /> },
  {
    title: 'Devices',
    width: 30,
    cell: ({ metadata, status }) => (
      <SharesBar label={`Devices of ${metadata.name}`} shares={rolloutShares(status.counts)} />
    ),
  },
  { title: 'Started', width: 10, cell: ({ status }) => <Moment at={status.startedAt} never="not yet" /> },
  { title: 'Reason', width: 25, cell: ({ status }) => status.reason ?? '' },
];

/** All rollouts, newest first. */
export function RolloutsPage(): ReactNode {
  const [filter, setFilter] = useUrlFilter(FILTERS);
  const { active, fleet } = filter;
  const list = useList('rollouts.list', {
    query: {
      ...(fleet === undefined ? {} : { fleet }),
      ...(active === undefined ? {} : { active: active === 'active' ? 'true' : 'false' }),
    },
  });
  return (
    <>
      <PageTitle title="Rollouts" />
      <PageSection isFilled>
        <Filters
          filter={filter}
          onChange={setFilter}
          searches={{ fleet: 'Name of a fleet' }}
          choices={[{ name: 'active', label: 'Progress', options: ['active', 'ended'] }]}
        />
        <Rows
          label="rollouts"
          list={list}
          columns={COLUMNS}
          keyOf={({ metadata }) => metadata.name}
          empty="A rollout starts when the release of a fleet changes."
        />
      </PageSection>
    </>
  );
}
