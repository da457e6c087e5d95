import { formatBytes, type ProgressUnit } from '@slipway/core';
import type { TaskState } from './task-book.ts';

/** `817.9 MB`, `12 items`, `1 step`. */
export function amount(count: number, unit: ProgressUnit): string {
  if (unit === 'bytes') return formatBytes(count);
  return `${count} ${count === 1 ? unit.slice(0, -1) : unit}`;
}

/** `245.1 MB of 817.9 MB`, `12 of 50 items`; without a total the amount alone. */
export function amountOf(count: number, total: number | undefined, unit: ProgressUnit): string {
  if (total === undefined) return amount(count, unit);
  return `${unit === 'bytes' ? formatBytes(count) : count} of ${amount(total, unit)}`;
}

/** Share of the work that is behind, 0 to 1; undefined while nobody knows how much there is. */
export function fraction(state: TaskState): number | undefined {
  if (state.total === undefined || state.total <= 0) return undefined;
  return Math.min(1, (state.done + state.saved) / state.total);
}

/** `1 h 5 min`, `3 min 20 s`, `7 s`, `0.4 s`: two parts are enough. */
export function duration(ms: number): string {
  if (ms > 0 && ms < 950) return `${Math.max(0.1, ms / 1000).toFixed(1)} s`;
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
}

/** `Pull image: 780 MB in 12 s (65.0 MB/s), 37.9 MB here already`: the line a task leaves behind. */
export function summaryLine(state: TaskState, nowMs: number): string {
  if (state.done === 0 && state.saved > 0)
    return `${state.task}: ${amount(state.saved, state.unit)} here already`;
  const elapsedMs = nowMs - state.startedMs;
  const parts = [`${state.task}: ${amount(state.done, state.unit)} in ${duration(elapsedMs)}`];
  if (state.unit === 'bytes' && elapsedMs >= 1000) {
    parts.push(` (${formatBytes((state.done * 1000) / elapsedMs)}/s)`);
  }
  if (state.saved > 0) parts.push(`, ${amount(state.saved, state.unit)} here already`);
  return parts.join('');
}
