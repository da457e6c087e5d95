import { PageSection } from '@patternfly/react-core';
import type { Webhook } from '@slipway/fleet-api';
import type { ReactNode } from 'react';
import { useAction, useList } from '../api/queries.ts';
import { useMay } from '../api/session.tsx';
import { ConfirmAction } from '../parts/confirm-action.tsx';
import { Moment } from '../parts/moment.tsx';
import { PageTitle } from '../parts/page-title.tsx';
import { type Column, Rows } from '../parts/rows.tsx';
import { StateLabel } from '../parts/state-label.tsx';

/** Deliveries are no events of their own: each would be delivered. */
const LOOK_EVERY_MS = 10_000;

const COLUMNS: readonly Column<Webhook>[] = [
  { title: 'Name', width: 15, cell: ({ metadata }) => metadata.name },
  { title: 'Address', width: 25, cell: ({ spec }) => spec.url },
  { title: 'Told of', width: 15, cell: ({ spec }) => toldOf(spec) },
  { title: 'State', width: 10, cell: (webhook) => <StateLabel state={stateOf(webhook)} /> },
  { title: 'Last delivery', width: 10, cell: ({ status }) => <Moment at={status.lastDeliveredAt} /> },
  { title: 'What is wrong', width: 15, cell: ({ status }) => wrongWith(status) },
  { title: 'Deliver now', width: 10, cell: (webhook) => <DeliverNow webhook={webhook} /> },
];

/** Who is told of what happens, and whether they hear it. */
export function WebhooksPage(): ReactNode {
  const list = useList('webhooks.list', {}, { everyMs: LOOK_EVERY_MS });
  return (
    <>
      <PageTitle title="Webhooks" />
      <PageSection isFilled>
        <Rows
          label="webhooks"
          list={list}
          columns={COLUMNS}
          keyOf={({ metadata }) => metadata.name}
          empty="Nobody is told of what happens here. slipway fleet apply -f with a Webhook tells somebody."
        />
      </PageSection>
    </>
  );
}

/** One that is said anew is tried at once, with everything that waits for it. */
function DeliverNow({
  webhook: { apiVersion, kind, metadata, spec },
}: {
  readonly webhook: Webhook;
}): ReactNode {
  const put = useAction('webhooks.put');
  if (!useMay('webhooks:write') || spec.disabled === true) return '';
  const { name, labels } = metadata;
  const body = { apiVersion, kind, metadata: { name, labels }, spec };
  return (
    <ConfirmAction
      verb="Deliver now"
      consequence={`What waits for ${name} is sent to ${spec.url} now, not only when its next try is due.`}
      onConfirm={() => put.mutateAsync({ params: { name }, body, ifMatch: '*' })}
    />
  );
}

function toldOf({ kinds = ['Rollout', 'Device'], fleets }: Webhook['spec']): string {
  return `${kinds.join(', ')}${fleets === undefined ? '' : ` of ${fleets.join(', ')}`}`;
}

function stateOf({ spec, status }: Webhook): string {
  if (spec.disabled === true) return 'disabled';
  if (status.failures > 0) return 'failed';
  return status.lastDeliveredAt === null ? 'waiting' : 'delivered';
}

function wrongWith({ failures, reason, nextTryAt }: Webhook['status']): ReactNode {
  if (failures === 0) return '';
  return (
    <>
      {`${reason ?? 'it failed'} (${failures} in a row); next try `}
      <Moment at={nextTryAt} />
    </>
  );
}
