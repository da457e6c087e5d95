import type { Clock, ProgressSink } from '@slipway/core';
import { TaskBook, type TaskState } from './task-book.ts';
import { amount, amountOf, fraction, summaryLine } from './wording.ts';

const EVERY_MS = 10_000;
const EVERY_FRACTION = 0.1;
/** A task of a few seconds says where it began and ended; what is between is noise. */
const LEAST_MS = 2000;

/** Lines for a pipe or a log file: when a task starts, when it ends, and in between every ten seconds, or
 * every ten per cent where those take two seconds or more. */
export function plainProgress(write: (line: string) => void, clock: Clock): ProgressSink {
  const book = new TaskBook(clock);
  const reported = new Map<string, { readonly atMs: number; readonly share: number }>();
  return (event) => {
    const state = book.record(event);
    const nowMs = clock.nowMs();
    const share = fraction(state) ?? 0;
    if (event.kind === 'start') {
      const total = state.total === undefined ? '' : ` (${amount(state.total, state.unit)})`;
      write(`${state.task}${total}`);
      reported.set(event.task, { atMs: nowMs, share });
    } else if (event.kind === 'end') {
      write(summaryLine(state, nowMs));
      reported.delete(event.task);
    } else {
      const last = reported.get(event.task);
      const sinceMs = last === undefined ? EVERY_MS : nowMs - last.atMs;
      const further = share - (last?.share ?? 0);
      const due = sinceMs >= EVERY_MS || (sinceMs >= LEAST_MS && further >= EVERY_FRACTION);
      if (!due || share >= 1) return;
      write(middleLine(state));
      reported.set(event.task, { atMs: nowMs, share });
    }
  };
}

function middleLine(state: TaskState): string {
  const share = fraction(state);
  const percent = share === undefined ? '' : ` (${Math.floor(share * 100)} %)`;
  return `${state.task}: ${amountOf(state.done + state.saved, state.total, state.unit)}${percent}`;
}
