import { Flex } from '@patternfly/react-core';
import type { Rollout, RolloutState } from '@slipway/fleet-api';
import type { ReactNode } from 'react';
import { useAction } from '../api/queries.ts';
import { useMay } from '../api/session.tsx';
import { ConfirmAction } from './confirm-action.tsx';

type Lever = 'approve' | 'pause' | 'resume' | 'abort' | 'rollback';

/** Which levers there are in which state; the server refuses the others. */
const LEVERS: Readonly<Record<RolloutState, readonly Lever[]>> = {
  scheduled: ['abort'],
  'awaiting-approval': ['approve', 'abort'],
  running: ['pause', 'abort', 'rollback'],
  paused: ['resume', 'abort', 'rollback'],
  halted: ['resume', 'abort', 'rollback'],
  'rolling-back': ['pause'],
  succeeded: ['rollback'],
  failed: ['rollback'],
  aborted: ['rollback'],
  'rolled-back': [],
  superseded: [],
};

const WORDS: Readonly<Record<Lever, { readonly verb: string; readonly consequence: string }>> = {
  approve: { verb: 'Approve', consequence: 'The rollout, or its next batch, begins.' },
  pause: { verb: 'Pause', consequence: 'No more devices start. Those under way go on.' },
  resume: { verb: 'Resume', consequence: 'Devices start again, within the limits of the policy.' },
  abort: {
    verb: 'Abort',
    consequence:
      'The rollout ends. What devices have not begun is taken back; those that have it keep the release.',
  },
  rollback: {
    verb: 'Roll back',
    consequence: 'Every device of this rollout goes back to what it ran before.',
  },
};

/** The levers of a rollout. */
export function RolloutActions({ rollout: { metadata, status } }: { readonly rollout: Rollout }): ReactNode {
  const mayWrite = useMay('rollouts:write');
  const mayApprove = useMay('rollouts:approve');
  const actions = {
    approve: useAction('rollouts.approve'),
    pause: useAction('rollouts.pause'),
    resume: useAction('rollouts.resume'),
    abort: useAction('rollouts.abort'),
    rollback: useAction('rollouts.rollback'),
  };
  const isAwaiting = status.batches.some(({ state }) => state === 'awaiting-approval');
  const levers = isAwaiting ? ['approve' as const, ...LEVERS[status.state]] : LEVERS[status.state];
  return (
    <Flex>
      {[...new Set(levers)]
        .filter((lever) => (lever === 'approve' ? mayApprove : mayWrite))
        .map((lever) => (
          <ConfirmAction
            key={lever}
            {...WORDS[lever]}
            variant={lever === 'abort' || lever === 'rollback' ? 'danger' : 'secondary'}
            onConfirm={(reason) =>
              actions[lever].mutateAsync({
                params: { name: metadata.name },
                body: reason === undefined ? {} : { reason },
              })
            }
          />
        ))}
    </Flex>
  );
}
