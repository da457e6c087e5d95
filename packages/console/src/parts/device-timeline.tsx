import { Card, CardBody, CardTitle } from '@patternfly/react-core';
import type { TimelineEntry } from '@slipway/fleet-api';
import type { ReactNode } from 'react';
import { useList } from '../api/queries.ts';
import { ExactMoment } from './moment.tsx';
import { type Column, Rows } from './rows.tsx';

const COLUMNS: readonly Column<TimelineEntry>[] = [
  { title: 'When', width: 20, cell: ({ at }) => <ExactMoment at={at} /> },
  { title: 'What', width: 20, cell: ({ what }) => what.replaceAll('-', ' ') },
  { title: 'Release', width: 15, cell: ({ release }) => release ?? '' },
  { title: 'Message', cell: ({ message }) => message },
];

/** What happened to a device, newest first. */
export function DeviceTimeline({ name }: { readonly name: string }): ReactNode {
  const list = useList('devices.timeline', { params: { name } });
  return (
    <Card>
      <CardTitle component="h2">Timeline</CardTitle>
      <CardBody>
        <Rows
          label="entries"
          list={list}
          columns={COLUMNS}
          keyOf={(entry) => `${entry.at} ${entry.what} ${entry.message}`}
          empty="Nothing has happened to this device yet."
        />
      </CardBody>
    </Card>
  );
}
