import type { AgentRecord, ObservedHost, UpdateRecord } from '../plan/situation.ts';
import type { RecordStep } from '../plan/step.ts';

/** The record after a step that changes nothing else. */
export function recordAfter(
  record: AgentRecord,
  step: RecordStep,
  host: ObservedHost,
  nowMs: number,
): AgentRecord {
  if (step.kind === 'clear') return { ...record, update: null };
  if (step.kind === 'begin') return { ...record, update: begun(step, host, nowMs) };
  const { update } = record;
  if (update === null) return record;
  if (step.kind === 'note-health') {
    return { ...record, update: { ...update, healthySinceMs: step.healthySinceMs } };
  }
  const failure = step.failure ?? null;
  return { ...record, update: { ...update, phase: step.phase, sinceMs: nowMs, failure } };
}

function begun(
  { updateId, image }: Extract<RecordStep, { readonly kind: 'begin' }>,
  host: ObservedHost,
  nowMs: number,
): UpdateRecord {
  return {
    updateId,
    image,
    phase: 'waiting',
    sinceMs: nowMs,
    fromDigest: host.image.booted?.digest ?? null,
    restartedIn: null,
    attempts: 0,
    retryAtMs: 0,
    healthySinceMs: null,
    failure: null,
  };
}
