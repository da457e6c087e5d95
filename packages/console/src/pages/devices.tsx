import { PageSection } from '@patternfly/react-core';
import { CONNECTION_STATES, type Device, UPDATE_STATES } from '@slipway/fleet-api';
import type { ReactNode } from 'react';
import { Link } from 'react-router';
import { useList } from '../api/queries.ts';
import { Filters } from '../parts/filters.tsx';
import { Labels } from '../parts/labels.tsx';
import { Moment } from '../parts/moment.tsx';
import { PageTitle } from '../parts/page-title.tsx';
import { type Column, Rows } from '../parts/rows.tsx';
import { StateLabel } from '../parts/state-label.tsx';
import { useUrlFilter } from '../parts/url-filter.ts';

const FILTERS = ['search', 'selector', 'connection', 'update', 'fleet', 'digest'];

const COLUMNS: readonly Column<Device>[] = [
  {
    title: 'Name',
    width: 20,
    cell: ({ metadata }) => <Link to={`/devices/${metadata.name}`}>{metadata.name}</Link>,
  },
  {
    title: 'Fleet',
    width: 10,
    cell: ({ status }) => status.fleet ?? <span className="slipway-quiet">none</span>,
  },
  {
    title: 'Connection',
    width: 15,
    cell: ({ status: { connection } }) => (
      <>
        <StateLabel state={connection.state} /> <Moment at={connection.lastSeenAt} />
      </>
    ),
  },
  { title: 'Update', width: 10, cell: ({ status }) => <StateLabel state={status.update.state} /> },
  {
    title: 'Runs',
    width: 10,
    cell: ({ status }) => status.update.release ?? <span className="slipway-quiet">unknown</span>,
  },
  { title: 'Why not up to date', width: 20, cell: ({ status }) => status.update.whyNotUpToDate ?? '' },
  { title: 'Labels', width: 15, cell: ({ metadata }) => <Labels labels={metadata.labels} /> },
];

/** All devices: found by name, label and state. */
export function DevicesPage(): ReactNode {
  const [filter, setFilter] = useUrlFilter(FILTERS);
  const list = useList('devices.list', { query: filter });
  return (
    <>
      <PageTitle title="Devices" />
      <PageSection isFilled>
        <Filters
          filter={filter}
          onChange={setFilter}
          searches={{ search: 'Part of a name', selector: 'Labels, as site=berlin' }}
          choices={[
            { name: 'connection', label: 'Connection', options: CONNECTION_STATES },
            { name: 'update', label: 'Update', options: UPDATE_STATES },
          ]}
        />
        <Rows
          label="devices"
          list={list}
          columns={COLUMNS}
          keyOf={({ metadata }) => metadata.name}
          empty="No device matches. Hosts that asked to join wait in the enrolment lobby."
        />
      </PageSection>
    </>
  );
}
