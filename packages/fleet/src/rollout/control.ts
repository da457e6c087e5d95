import { SlipwayError } from '@slipway/core';
import type { BatchRecord, DeviceRecord, RolloutPhase, RolloutState } from './types/state.ts';

/** What a person may do to a rollout. */
export type RolloutCommand =
  | { readonly kind: 'pause' }
  /** After a pause or a halt; failures so far are no longer counted. With `retryFailed` failed devices get another try. */
  | { readonly kind: 'resume'; readonly retryFailed?: boolean }
  /** Takes back every order that can be taken back. For ever. */
  | { readonly kind: 'abort' }
  /** Sends every device back that this rollout moved. For ever. */
  | { readonly kind: 'rollback'; readonly reason: string }
  | { readonly kind: 'approve'; readonly batch: string };

const ALLOWED: Readonly<Record<RolloutCommand['kind'], readonly RolloutPhase[]>> = {
  pause: ['running', 'complete'],
  resume: ['paused', 'halted'],
  abort: ['running', 'paused', 'halted', 'complete'],
  rollback: ['running', 'paused', 'halted', 'complete', 'aborted'],
  approve: ['running', 'paused', 'halted'],
};

/**
 * Carries a command out on the state; devices hear of it from the next step.
 *
 * @throws SlipwayError ROLLOUT_STATE_REFUSED when the phase does not allow it, or there is no such batch to approve
 */
export function control(state: RolloutState, command: RolloutCommand, nowMs: number): RolloutState {
  if (!ALLOWED[command.kind].includes(state.phase)) {
    throw new SlipwayError(
      'ROLLOUT_STATE_REFUSED',
      `cannot ${command.kind} the rollout ${state.id}: it is ${state.phase}`,
      {
        hint: `this can be done while it is ${ALLOWED[command.kind].join(' or ')}`,
      },
    );
  }
  if (command.kind === 'pause') return { ...state, phase: 'paused' };
  if (command.kind === 'abort') return { ...state, phase: 'aborted' };
  if (command.kind === 'resume') return resumed(state, command.retryFailed === true, nowMs);
  if (command.kind === 'approve') return approved(state, command.batch, nowMs);
  return { ...state, phase: 'rolling-back', halt: { reason: command.reason, atMs: nowMs } };
}

function resumed(state: RolloutState, retryFailed: boolean, nowMs: number): RolloutState {
  // Time in pause is not time in which the rollout was under way.
  const steppedMs = Math.max(nowMs, state.steppedMs ?? nowMs);
  if (state.phase === 'paused') return { ...state, phase: 'running', steppedMs };
  const { halt: _, ...rest } = state;
  const devices = new Map(
    [...state.devices].map(([id, record]) => [id, pardoned(record, retryFailed, nowMs)]),
  );
  return { ...rest, phase: 'running', steppedMs, deadlineWaived: true, deniedDigests: [], devices };
}

function pardoned(record: DeviceRecord, retryFailed: boolean, nowMs: number): DeviceRecord {
  if (record.stage === 'cancelled' || (record.stage === 'failed' && retryFailed)) {
    const { failure: _, forgiven: __, ...rest } = record;
    return { ...rest, stage: 'waiting', sinceMs: nowMs };
  }
  return record.stage === 'failed' ? { ...record, forgiven: true } : record;
}

/** Before the first step there are no batches yet: the approval is kept until there are. */
function approved(state: RolloutState, batch: string, nowMs: number): RolloutState {
  const approval: BatchRecord = { name: batch, approvedMs: nowMs };
  if (state.startedMs === undefined) return { ...state, batches: [...state.batches, approval] };
  if (!state.batches.some(({ name }) => name === batch)) {
    throw new SlipwayError(
      'ROLLOUT_STATE_REFUSED',
      `cannot approve batch ${batch} of the rollout ${state.id}: there is none`,
      {
        hint: `its batches are ${state.batches.map(({ name }) => name).join(', ')}`,
      },
    );
  }
  return {
    ...state,
    batches: state.batches.map((before) =>
      before.name === batch ? { ...before, approvedMs: before.approvedMs ?? nowMs } : before,
    ),
  };
}
