import { type Clock, isoTime, type ProgressSink } from '@slipway/core';

const LEAST_MS_BETWEEN_ADVANCES = 100;

/** Every event as one JSON object a line; of a task's advances at most ten a second. */
export function jsonProgress(write: (line: string) => void, clock: Clock): ProgressSink {
  const advancedMs = new Map<string, number>();
  return (event) => {
    const nowMs = clock.nowMs();
    if (event.kind === 'advance') {
      const last = advancedMs.get(event.task);
      if (last !== undefined && nowMs - last < LEAST_MS_BETWEEN_ADVANCES) return;
      advancedMs.set(event.task, nowMs);
    } else {
      advancedMs.delete(event.task);
    }
    const { kind, ...facts } = event;
    write(JSON.stringify({ type: 'progress', time: isoTime(clock), event: kind, ...facts }));
  };
}
