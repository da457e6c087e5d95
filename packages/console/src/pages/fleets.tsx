import { PageSection } from '@patternfly/react-core';
import type { Fleet } from '@slipway/fleet-api';
import type { ReactNode } from 'react';
import { Link } from 'react-router';
import { useList } from '../api/queries.ts';
import { updateShares } from '../parts/device-shares.ts';
import { PageTitle } from '../parts/page-title.tsx';
import { type Column, Rows } from '../parts/rows.tsx';
import { SharesBar } from '../parts/shares-bar.tsx';

const COLUMNS: readonly Column<Fleet>[] = [
  {
    title: 'Name',
    width: 20,
    cell: ({ metadata }) => <Link to={`/fleets/${metadata.name}`}>{metadata.name}</Link>,
  },
  {
    title: 'Selects',
    width: 20,
    cell: ({ spec }) => <code>{spec.selector === '' ? 'by name' : spec.selector}</code>,
  },
  { title: 'Release', width: 15, cell: ({ spec }) => spec.release ?? 'none' },
  { title: 'Devices', width: 10, cell: ({ status }) => status.devices.total.toLocaleString('en') },
  {
    title: 'Update state',
    width: 35,
    cell: ({ metadata, status }) => (
      <SharesBar label={`Update state of ${metadata.name}`} shares={updateShares(status.devices)} />
    ),
  },
];

/** All fleets. */
export function FleetsPage(): ReactNode {
  const list = useList('fleets.list', {});
  return (
    <>
      <PageTitle title="Fleets" />
      <PageSection isFilled>
        <Rows
          label="fleets"
          list={list}
          columns={COLUMNS}
          keyOf={({ metadata }) => metadata.name}
          empty="Make one with: slipway fleet apply -f fleet.yaml"
        />
      </PageSection>
    </>
  );
}
