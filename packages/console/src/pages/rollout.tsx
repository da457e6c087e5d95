import {
  Alert,
  Card,
  CardBody,
  CardTitle,
  Flex,
  Grid,
  GridItem,
  PageSection,
  ProgressStep,
  type ProgressStepProps,
  ProgressStepper,
} from '@patternfly/react-core';
import type { BatchStatus, Rollout, RolloutDevice } from '@slipway/fleet-api';
import type { ReactNode } from 'react';
import { Link, useParams } from 'react-router';
import { useCall, useList } from '../api/queries.ts';
import { rolloutShares } from '../parts/device-shares.ts';
import { Facts } from '../parts/facts.tsx';
import { Moment } from '../parts/moment.tsx';
import { PageTitle } from '../parts/page-title.tsx';
import { ProblemAlert } from '../parts/problem-alert.tsx';
import { RolloutActions } from '../parts/rollout-actions.tsx';
import { type Column, Rows } from '../parts/rows.tsx';
import { SharesBar } from '../parts/shares-bar.tsx';
import { StateLabel } from '../parts/state-label.tsx';

const EVERY_MS = 10_000;

const COLUMNS: readonly Column<RolloutDevice>[] = [
  { title: 'Device', width: 25, cell: ({ device }) => <Link to={`/devices/${device}`}>{device}</Link> },
  { title: 'Batch', width: 15, cell: ({ batch }) => batch },
  { title: 'State', width: 15, cell: ({ state }) => <StateLabel state={state} /> },
  { title: 'Why', width: 30, cell: ({ why }) => why ?? '' },
  {
    title: 'Since',
    width: 15,
    cell: ({ startedAt, finishedAt }) => <Moment at={finishedAt ?? startedAt} never="" />,
  },
];

/** One rollout, live: its batches, what it waits for, every device in it, and the levers. */
export function RolloutPage(): ReactNode {
  const { name = '' } = useParams();
  const rollout = useCall('rollouts.get', { params: { name } }, { everyMs: EVERY_MS });
  const devices = useList('rollouts.devices', { params: { name } });
  return (
    <>
      <PageTitle
        title={
          rollout.data === undefined ? name : `${rollout.data.spec.fleet} to ${rollout.data.spec.release}`
        }
        actions={rollout.data === undefined ? undefined : <RolloutActions rollout={rollout.data} />}
      />
      <PageSection isFilled>
        <ProblemAlert error={rollout.error} />
        {rollout.data !== undefined && <RolloutView rollout={rollout.data} />}
        <br />
        <Rows
          label="devices"
          list={devices}
          columns={COLUMNS}
          keyOf={({ device }) => device}
          empty="No device takes part in this rollout."
        />
      </PageSection>
    </>
  );
}

function RolloutView({ rollout: { spec, status } }: { readonly rollout: Rollout }): ReactNode {
  return (
    <Grid hasGutter>
      {status.state === 'halted' && (
        <GridItem span={12}>
          <Alert
            component="h2"
            isInline
            variant="danger"
            title={`Halted: ${status.reason ?? 'too many devices failed'}`}
          />
        </GridItem>
      )}
      <GridItem lg={5}>
        <Card isFullHeight>
          <CardTitle component="h2">Progress</CardTitle>
          <CardBody>
            <SharesBar label="Devices" shares={rolloutShares(status.counts)} />
            <br />
            <Facts
              facts={{
                State: <StateLabel state={status.state} />,
                Why: status.reason,
                Fleet: <Link to={`/fleets/${spec.fleet}`}>{spec.fleet}</Link>,
                Started: <Moment at={status.startedAt} never="not yet" />,
                Ended: status.finishedAt === null ? undefined : <Moment at={status.finishedAt} />,
                'Ends about':
                  status.estimatedEndAt === null ? undefined : <Moment at={status.estimatedEndAt} />,
                'Approved by': status.approvedBy,
              }}
            />
          </CardBody>
        </Card>
      </GridItem>
      <GridItem lg={7}>
        <Card isFullHeight>
          <CardTitle component="h2">Batches</CardTitle>
          <CardBody>
            <Flex>
              <ProgressStepper isVertical aria-label="Batches">
                {status.batches.map((batch) => (
                  <BatchStep key={batch.name} batch={batch} />
                ))}
              </ProgressStepper>
            </Flex>
          </CardBody>
        </Card>
      </GridItem>
    </Grid>
  );
}

const STEP: Readonly<Record<BatchStatus['state'], NonNullable<ProgressStepProps['variant']>>> = {
  waiting: 'pending',
  'awaiting-approval': 'warning',
  running: 'info',
  soaking: 'info',
  done: 'success',
};

function BatchStep({ batch: { name, state, counts, why } }: { readonly batch: BatchStatus }): ReactNode {
  const said = `${counts.succeeded + counts.skipped} of ${counts.total} done${counts.failed > 0 ? `, ${counts.failed} failed` : ''}`;
  return (
    <ProgressStep
      id={`batch-${name}`}
      titleId={`batch-${name}-title`}
      variant={counts.failed > 0 ? 'danger' : STEP[state]}
      isCurrent={state === 'running' || state === 'soaking'}
      description={why === null ? said : `${said}: ${why}`}
      aria-label={`${name}: ${state.replaceAll('-', ' ')}`}
    >
      {name}
    </ProgressStep>
  );
}
