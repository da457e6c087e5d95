import { type Clock, formatBytes, type ProgressSink } from '@slipway/core';
import type { Screen } from '../output/screen.ts';
import { TaskBook, type TaskState } from './task-book.ts';
import { amount, amountOf, duration, fraction, summaryLine } from './wording.ts';

/** Calls back once after a while; passed in so that a test owns the time. */
export type Scheduler = (callback: () => void, delayMs: number) => void;

/** The scheduler of the process; what it waits for never keeps the process alive. */
export const timerScheduler: Scheduler = (callback, delayMs) => {
  setTimeout(callback, delayMs).unref();
};

const LEAST_MS_BETWEEN_DRAWINGS = 100;
const REFRESH_MS = 1000;
const BAR_COLUMNS = 20;

/** Bars on a terminal, one a task, drawn at most ten times a second; a task that ends leaves one line. */
export function barProgress(
  screen: Screen,
  clock: Clock,
  schedule: Scheduler = timerScheduler,
): ProgressSink {
  const book = new TaskBook(clock);
  let drawnMs = Number.NEGATIVE_INFINITY;
  let dueMs = Number.POSITIVE_INFINITY;
  const later = (delayMs: number): void => {
    const atMs = clock.nowMs() + delayMs;
    if (atMs >= dueMs) return;
    dueMs = atMs;
    schedule(() => {
      // An earlier drawing took this one's place.
      if (dueMs === atMs) draw();
    }, delayMs);
  };
  const draw = (): void => {
    const running = book.running();
    drawnMs = clock.nowMs();
    dueMs = Number.POSITIVE_INFINITY;
    screen.block(running.map(barLine));
    // Rates and times left go on changing while nothing happens.
    if (running.length > 0) later(REFRESH_MS);
  };
  return (event) => {
    const state = book.record(event);
    if (event.kind === 'end') {
      screen.block(book.running().map(barLine));
      screen.line(summaryLine(state, clock.nowMs()));
      return;
    }
    const sinceMs = clock.nowMs() - drawnMs;
    if (sinceMs >= LEAST_MS_BETWEEN_DRAWINGS) draw();
    else later(LEAST_MS_BETWEEN_DRAWINGS - sinceMs);
  };
}

/** `Pull image  [######--------------]  30 %  245.1 MB of 817.9 MB  65.0 MB/s  9 s left`. */
export function barLine(state: TaskState): string {
  const share = fraction(state);
  const behind = state.done + state.saved;
  const parts = [state.task];
  if (share !== undefined && state.total !== undefined) {
    const full = Math.floor(share * BAR_COLUMNS);
    parts.push(`[${'#'.repeat(full)}${'-'.repeat(BAR_COLUMNS - full)}]`);
    parts.push(`${Math.floor(share * 100)} %`.padStart(5));
  }
  parts.push(amountOf(behind, state.total, state.unit));
  if (state.unit === 'bytes' && state.rate > 0) parts.push(`${formatBytes(state.rate)}/s`);
  if (state.saved > 0) parts.push(`${amount(state.saved, state.unit)} here already`);
  if (share !== undefined && share < 1 && state.rate > 0 && state.total !== undefined) {
    parts.push(`${duration(Math.ceil((state.total - behind) / state.rate) * 1000)} left`);
  }
  return parts.join('  ');
}
