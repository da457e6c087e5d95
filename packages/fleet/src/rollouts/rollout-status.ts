import type {
  BatchStatus,
  RolloutCounts,
  RolloutDevice,
  RolloutState,
  RolloutStatus,
} from '@slipway/fleet-api';
import { explain } from '../rollout/explain.ts';
import type { Explanation, StepResult } from '../rollout/types/decision.ts';
import type { RolloutPolicy } from '../rollout/types/policy.ts';
import type { BatchRecord, DeviceRecord, DeviceStage } from '../rollout/types/state.ts';

type State = RolloutDevice['state'];

const STATES: Readonly<Record<DeviceStage, State>> = {
  waiting: 'pending',
  downloading: 'updating',
  staged: 'updating',
  applying: 'updating',
  proving: 'updating',
  succeeded: 'succeeded',
  failed: 'failed',
  cancelled: 'skipped',
  reverting: 'updating',
  reverted: 'rolled-back',
};

/** Reasons to wait that end by themselves or by a person; all others leave the device out. */
const WAITS: ReadonlySet<Explanation['code']> = new Set([
  'batch',
  'soak',
  'approval',
  'alert',
  'download-window',
  'apply-window',
  'first-alone',
  'over-time',
  'concurrency',
  'rate',
  'disruption-budget',
  'bandwidth',
  'offline',
  'paused',
  'halted',
]);

/** Where a device is, for people. */
export function deviceState({ stage }: DeviceRecord, why: Explanation | undefined): State {
  if (stage !== 'waiting' || why === undefined) return STATES[stage];
  if (why.code === 'up-to-date') return 'succeeded';
  return WAITS.has(why.code) ? 'pending' : 'skipped';
}

export function whyOf(why: Explanation | undefined): string | null {
  return why === undefined || why.code === 'up-to-date' || why.code === 'updated' ? null : explain(why);
}

/** The whole of a rollout in words and counts. */
export interface RolloutSummary {
  readonly status: Omit<RolloutStatus, 'finishedAt'>;
  /** By batch: why most of its devices wait that do; null: none does. */
  readonly whys: readonly (string | null)[];
}

export function summaryOf(
  result: StepResult,
  policy: RolloutPolicy,
  records: ReadonlyMap<string, DeviceRecord>,
  approvedBy: string | null,
  nowMs: number,
): RolloutSummary {
  const names = [...policy.batches.map(({ name }) => name), 'rest'];
  const perBatch = names.map(() => emptyCounts());
  const whys = names.map(() => new Map<string, number>());
  for (const record of records.values()) {
    const why = result.explanations.get(record.device);
    const state = deviceState(record, why);
    const counts = perBatch[record.batch];
    if (counts === undefined) continue;
    counts.total += 1;
    counts[state === 'rolled-back' ? 'rolledBack' : state] += 1;
    const words = state === 'pending' ? whyOf(why) : null;
    if (words !== null) whys[record.batch]?.set(words, (whys[record.batch]?.get(words) ?? 0) + 1);
  }
  const common = whys.map(commonest);
  const batches = names.map((name, index) =>
    batchOf(
      name,
      perBatch[index] ?? emptyCounts(),
      result.state.batches.find((batch) => batch.name === name),
      common[index] ?? null,
    ),
  );
  const shown = batches.filter(({ counts, name }) => counts.total > 0 || name !== 'rest');
  const state = stateOf(result, shown);
  const counts = sumOf(perBatch);
  const status = {
    state,
    reason:
      result.state.halt?.reason ??
      (state === 'running' || state === 'awaiting-approval'
        ? (shown.find(({ why }) => why !== null)?.why ?? null)
        : null),
    counts,
    batches: shown,
    startedAt: isoOf(result.state.startedMs),
    estimatedEndAt: state === 'running' ? estimate(result, counts, nowMs) : null,
    approvedBy,
  };
  return { status, whys: common };
}

function stateOf({ state, explanations }: StepResult, batches: readonly BatchStatus[]): RolloutState {
  if (state.phase === 'complete') return 'succeeded';
  if (state.phase === 'rolling-back')
    return state.rolledBackMs === undefined ? 'rolling-back' : 'rolled-back';
  if (state.phase !== 'running') return state.phase;
  const isAtWork = batches.some(({ counts }) => counts.updating > 0);
  const waitsForPerson = !isAtWork && [...explanations.values()].some(({ code }) => code === 'approval');
  return waitsForPerson ? 'awaiting-approval' : 'running';
}

function batchOf(
  name: string,
  counts: RolloutCounts,
  record: BatchRecord | undefined,
  why: string | null,
): BatchStatus {
  const isDone =
    record?.finishedMs !== undefined || (counts.total > 0 && counts.pending + counts.updating === 0);
  const isSoaking = record?.soakingSinceMs !== undefined && record.finishedMs === undefined;
  const state = isDone
    ? 'done'
    : isSoaking
      ? 'soaking'
      : record?.startedMs !== undefined
        ? 'running'
        : 'waiting';
  return {
    name,
    state,
    counts,
    startedAt: isoOf(record?.startedMs),
    finishedAt: isoOf(record?.finishedMs),
    why: isDone ? null : why,
  };
}

/** By how fast it went so far: what is left takes as long per device as what is done. */
function estimate({ state }: StepResult, counts: RolloutCounts, nowMs: number): string | null {
  const done = counts.succeeded + counts.failed;
  const left = counts.pending + counts.updating;
  if (state.startedMs === undefined || done === 0 || left === 0) return null;
  return isoOf(nowMs + ((nowMs - state.startedMs) / done) * left);
}

function commonest(counted: ReadonlyMap<string, number>): string | null {
  return [...counted].toSorted((a, b) => b[1] - a[1])[0]?.[0] ?? null;
}

type Counting = { -readonly [Key in keyof RolloutCounts]: number };

function emptyCounts(): Counting {
  return { total: 0, pending: 0, updating: 0, succeeded: 0, failed: 0, rolledBack: 0, skipped: 0 };
}

function sumOf(parts: readonly RolloutCounts[]): RolloutCounts {
  const sum = emptyCounts();
  for (const part of parts)
    for (const key of Object.keys(sum) as (keyof RolloutCounts)[]) sum[key] += part[key];
  return sum;
}

function isoOf(ms: number | undefined): string | null {
  return ms === undefined ? null : new Date(ms).toISOString();
}
