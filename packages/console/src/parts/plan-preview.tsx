import { Alert, Spinner } from '@patternfly/react-core';
import { Table, Tbody, Td, Th, Thead, Tr } from '@patternfly/react-table';
import type { RolloutPlan } from '@slipway/fleet-api';
import type { ReactNode } from 'react';
import { useCall } from '../api/queries.ts';
import { Moment } from './moment.tsx';
import { ProblemAlert } from './problem-alert.tsx';

const SKIPPED_SHOWN = 10;

/** Who, when, why not, and how long, before anything happens. */
export function PlanPreview({
  fleet,
  release,
}: {
  readonly fleet: string;
  readonly release: string;
}): ReactNode {
  const plan = useCall('rollouts.plan', { body: { fleet, release } });
  if (plan.error !== null) return <ProblemAlert error={plan.error} />;
  return plan.data === undefined ? (
    <Spinner aria-label="Working out the plan" />
  ) : (
    <PlanView plan={plan.data} />
  );
}

function PlanView({ plan }: { readonly plan: RolloutPlan }): ReactNode {
  return (
    <>
      {plan.warnings.map((warning) => (
        <Alert component="h2" key={warning} isInline variant="warning" title={warning} />
      ))}
      <Table aria-label="Batches" variant="compact">
        <Thead>
          <Tr>
            <Th>Batch</Th>
            <Th>Devices</Th>
            <Th>Starts</Th>
            <Th>Ends</Th>
          </Tr>
        </Thead>
        <Tbody>
          {plan.batches.map((batch) => (
            <Tr key={batch.name}>
              <Td dataLabel="Batch">{batch.name}</Td>
              <Td dataLabel="Devices" title={batch.first.join(', ')}>
                {batch.devices.toLocaleString('en')}
              </Td>
              <Td dataLabel="Starts">
                <Moment at={batch.estimatedStartAt} never="not known" />
              </Td>
              <Td dataLabel="Ends">
                <Moment at={batch.estimatedEndAt} never="not known" />
              </Td>
            </Tr>
          ))}
        </Tbody>
      </Table>
      {plan.skippedCount > 0 && (
        <Alert
          component="h2"
          isInline
          variant="info"
          title={`${plan.skippedCount.toLocaleString('en')} devices are left out`}
        >
          {plan.skipped.slice(0, SKIPPED_SHOWN).map(({ device, why }) => (
            <p key={device}>
              {device}: {why}
            </p>
          ))}
        </Alert>
      )}
    </>
  );
}
