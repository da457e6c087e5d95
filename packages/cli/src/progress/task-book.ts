import type { Clock, ProgressEvent, ProgressUnit } from '@slipway/core';

/** One piece of work as far as its events told. */
export interface TaskState {
  readonly task: string;
  readonly unit: ProgressUnit;
  readonly total: number | undefined;
  readonly done: number;
  readonly saved: number;
  readonly startedMs: number;
  readonly ended: boolean;
  /** Units a second over the last few seconds. */
  readonly rate: number;
}

interface Sample {
  readonly atMs: number;
  readonly done: number;
}

const RATE_WINDOW_MS = 5000;

/** Keeps the state of every running task; renderers read it and keep nothing of their own. */
export class TaskBook {
  readonly #clock: Clock;
  readonly #tasks: Map<string, TaskState> = new Map();
  readonly #samples: Map<string, readonly Sample[]> = new Map();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Takes an event in and answers with the state it made. A task never started counts from its first event. */
  record(event: ProgressEvent): TaskState {
    const nowMs = this.#clock.nowMs();
    const before = event.kind === 'start' ? undefined : this.#tasks.get(event.task);
    const base: TaskState = before ?? {
      task: event.task,
      unit: event.kind === 'start' ? event.unit : 'items',
      total: event.kind === 'end' ? undefined : event.total,
      done: 0,
      saved: 0,
      startedMs: nowMs,
      ended: false,
      rate: 0,
    };
    const state = this.#advanced(base, event, nowMs);
    if (event.kind === 'end') this.#forget(event.task);
    else this.#tasks.set(event.task, state);
    return state;
  }

  /** Tasks that have not ended, in the order they started. */
  running(): readonly TaskState[] {
    return [...this.#tasks.values()];
  }

  #advanced(base: TaskState, event: ProgressEvent, nowMs: number): TaskState {
    if (event.kind === 'start') {
      this.#samples.set(event.task, [{ atMs: nowMs, done: 0 }]);
      return base;
    }
    const { done, saved } = event;
    if (event.kind === 'end') return { ...base, done, saved, ended: true };
    const rate = this.#rate(event.task, { atMs: nowMs, done });
    return { ...base, done, saved, total: event.total, rate };
  }

  #rate(task: string, sample: Sample): number {
    const kept = (this.#samples.get(task) ?? []).filter(
      (each, index, all) =>
        sample.atMs - each.atMs <= RATE_WINDOW_MS ||
        // The newest sample outside the window stays: a slow task has no other.
        sample.atMs - (all[index + 1]?.atMs ?? sample.atMs) < RATE_WINDOW_MS,
    );
    const oldest = kept[0] ?? sample;
    const last = kept.at(-1);
    // Ten samples a second are enough, however many events there are.
    if (last === undefined || sample.atMs - last.atMs >= 100) kept.push(sample);
    this.#samples.set(task, kept);
    const elapsedMs = sample.atMs - oldest.atMs;
    return elapsedMs <= 0 ? 0 : ((sample.done - oldest.done) * 1000) / elapsedMs;
  }

  #forget(task: string): void {
    this.#tasks.delete(task);
    this.#samples.delete(task);
  }
}
