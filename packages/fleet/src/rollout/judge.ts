import type { Look, StepInput } from './look.ts';
import { type BatchTally, sizeOf, tally } from './tally.ts';
import type { Explanation, RolloutEvent } from './types/decision.ts';
import type { ErrorThreshold, RolloutPolicy } from './types/policy.ts';
import type { BatchRecord, RolloutState } from './types/state.ts';

/** What became of the rollout as a whole. */
export interface Verdict {
  /** With phase, batches and denied images as they are now. */
  readonly state: RolloutState;
  readonly tallies: readonly BatchTally[];
  /** Devices of this batch and those before it may be told something; -1: nobody. */
  readonly openThrough: number;
  /** What the next batch waits for. */
  readonly gate?: Explanation;
  readonly events: readonly RolloutEvent[];
}

/** Decides whether the rollout goes on, stops or goes back, and how far its batches have come. */
export function judge(input: StepInput, look: Look, nowMs: number): Verdict {
  const events: RolloutEvent[] = [];
  const begun = begin(input.policy, input.state, nowMs, events);
  const tallies = tally(look, begun);
  const stopped = stopIfMust(input.policy, begun, look, tallies, nowMs, events);
  if (stopped.phase !== 'running' && stopped.phase !== 'complete') {
    return { state: stopped, tallies, openThrough: -1, events };
  }
  const progress = advance(input.policy, stopped, tallies, nowMs, events);
  const state = { ...stopped, batches: progress.batches };
  const isComplete = progress.batches.every(({ finishedMs }) => finishedMs !== undefined);
  if (isComplete && state.phase === 'running') events.push({ kind: 'completed' });
  return { ...progress, state: { ...state, phase: isComplete ? 'complete' : 'running' }, tallies, events };
}

function begin(
  policy: RolloutPolicy,
  state: RolloutState,
  nowMs: number,
  events: RolloutEvent[],
): RolloutState {
  const elapsedMs = nowMs - (state.steppedMs ?? nowMs);
  const activeMs =
    state.phase === 'running' || state.phase === 'complete' ? state.activeMs + elapsedMs : state.activeMs;
  if (state.startedMs !== undefined) return { ...state, activeMs, steppedMs: nowMs };
  events.push({ kind: 'started' });
  // An approval may have been given before the first step.
  const names = [...policy.batches.map(({ name }) => name), 'rest'];
  const batches = names.map((name) => state.batches.find((batch) => batch.name === name) ?? { name });
  return { ...state, activeMs, startedMs: nowMs, steppedMs: nowMs, batches };
}

function stopIfMust(
  policy: RolloutPolicy,
  state: RolloutState,
  look: Look,
  tallies: readonly BatchTally[],
  nowMs: number,
  events: RolloutEvent[],
): RolloutState {
  if (state.phase !== 'running' && state.phase !== 'paused' && state.phase !== 'complete') return state;
  const failures = reasonToStop(policy, state, tallies);
  const reason = failures ?? deadlineReason(policy, state, nowMs);
  if (reason === undefined) return state;
  const denied = failures === undefined ? [] : failedDigests(look, state);
  for (const digest of denied) events.push({ kind: 'denied', digest, reason });
  // A rollout that was complete is history: one bad newcomer does not send the whole fleet back.
  const goesBack =
    failures !== undefined && policy.errorThreshold?.action === 'rollback' && state.phase !== 'complete';
  events.push({ kind: goesBack ? 'rolling-back' : 'halted', reason });
  return {
    ...state,
    phase: goesBack ? 'rolling-back' : 'halted',
    halt: { reason, atMs: nowMs },
    deniedDigests: [...state.deniedDigests, ...denied],
  };
}

function reasonToStop(
  policy: RolloutPolicy,
  state: RolloutState,
  tallies: readonly BatchTally[],
): string | undefined {
  const { firstAlone } = policy;
  const limits: Partial<ErrorThreshold> = policy.errorThreshold ?? {};
  const failed = tallies.reduce((sum, batch) => sum + batch.failed, 0);
  if (failed === 0) return undefined;
  if (limits.count !== undefined && failed >= limits.count) {
    return `${devices(failed)} failed, and the policy stops at ${limits.count}`;
  }
  if (firstAlone && tallies.every(({ succeeded }) => succeeded === 0)) return 'the first device failed';
  for (const [index, batch] of tallies.entries()) {
    const name = state.batches[index]?.name ?? '';
    const size = sizeOf(batch);
    if (batch.failed === 0) continue;
    if (limits.share !== undefined && batch.failed >= limits.share * size) {
      return `${devices(batch.failed)} of ${size} in batch ${name} failed, and the policy stops at ${percent(limits.share)}`;
    }
    const threshold = policy.batches[index]?.successThreshold ?? policy.successThreshold;
    if ((size - batch.failed) / size < threshold) {
      return `${devices(batch.failed)} of ${size} in batch ${name} failed: ${percent(threshold)} can no longer succeed`;
    }
    if (isAtItsEnd(batch) && batch.succeeded / (batch.succeeded + batch.failed) < threshold) {
      return `${batch.succeeded} of ${batch.succeeded + batch.failed} in batch ${name} succeeded, and ${percent(threshold)} must`;
    }
  }
  return undefined;
}

function deadlineReason({ deadline }: RolloutPolicy, state: RolloutState, nowMs: number): string | undefined {
  if (deadline?.action !== 'halt' || state.deadlineWaived === true || state.phase === 'complete')
    return undefined;
  return nowMs - (state.startedMs ?? nowMs) >= deadline.afterMs ? 'its time is up' : undefined;
}

function failedDigests({ sights }: Look, { deniedDigests }: RolloutState): readonly string[] {
  const found = new Set<string>();
  for (const { record, standing } of sights) {
    if (standing.kind === 'failed' && record.toDigest !== undefined) found.add(record.toDigest);
  }
  return [...found].filter((digest) => !deniedDigests.includes(digest)).sort();
}

/** Nobody is under way, nobody can be told now; those who are away do not keep others waiting once one has succeeded or failed. */
function isAtItsEnd({ active, ready, staged, away, succeeded, failed }: BatchTally): boolean {
  return active === 0 && ready === 0 && staged === 0 && (away === 0 || succeeded + failed > 0);
}

interface Progress {
  readonly batches: readonly BatchRecord[];
  readonly openThrough: number;
  readonly gate?: Explanation;
}

/** Opens batches one after another, as far as each is at its end and has soaked. */
function advance(
  policy: RolloutPolicy,
  state: RolloutState,
  tallies: readonly BatchTally[],
  nowMs: number,
  events: RolloutEvent[],
): Progress {
  const batches = [...state.batches];
  for (const [index, before] of state.batches.entries()) {
    const counts = tallies[index];
    if (counts === undefined || before.finishedMs !== undefined) continue;
    if (sizeOf(counts) === 0) {
      batches[index] = { ...before, finishedMs: nowMs };
      continue;
    }
    if (before.startedMs === undefined) {
      if (needsApproval(policy, index, state) && before.approvedMs === undefined) {
        return { batches, openThrough: index - 1, gate: { code: 'approval', batch: before.name } };
      }
      events.push({ kind: 'batch-started', batch: before.name });
    }
    const { soakingSinceMs, ...open } = { ...before, startedMs: before.startedMs ?? nowMs };
    if (!isAtItsEnd(counts)) {
      batches[index] = open;
      return { batches, openThrough: index, gate: { code: 'batch', batch: '', after: open.name } };
    }
    const sinceMs = soakingSinceMs ?? nowMs;
    const untilMs = sinceMs + (policy.batches[index]?.soakMs ?? policy.soakMs);
    if (nowMs < untilMs) {
      batches[index] = { ...open, soakingSinceMs: sinceMs };
      return { batches, openThrough: index, gate: { code: 'soak', batch: open.name, untilMs } };
    }
    batches[index] = { ...open, soakingSinceMs: sinceMs, finishedMs: nowMs };
    events.push({ kind: 'batch-finished', batch: open.name });
  }
  return { batches, openThrough: batches.length - 1 };
}

/** The first batch that has devices stands for the start. */
function needsApproval(policy: RolloutPolicy, index: number, { batches }: RolloutState): boolean {
  if (policy.batches[index]?.approval === true || policy.approval === 'every-batch') return true;
  return policy.approval === 'start' && batches.every(({ startedMs }) => startedMs === undefined);
}

function devices(count: number): string {
  return count === 1 ? '1 device' : `${count} devices`;
}

function percent(share: number): string {
  return `${Number((share * 100).toFixed(2))} %`;
}
