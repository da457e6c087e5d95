import type { Clock, ProgressSink } from '@slipway/core';
import { TaskBook, type TaskState } from './task-book.ts';

/** Version of the JSON Lines progress protocol of `bootc --progress-fd`. */
export const BOOTC_PROGRESS_VERSION = '0.1.0';

const LEAST_MS_BETWEEN_DROPPABLE = 200;

/**
 * The progress protocol programs that drive `bootc` already read: `Start` once, then `ProgressBytes` for what
 * counts bytes and `ProgressSteps` for the rest. First and last report of a task are never dropped; between them
 * at most five a second are sent.
 */
export function bootcProgress(write: (line: string) => void, clock: Clock): ProgressSink {
  const book = new TaskBook(clock);
  let sentMs = Number.NEGATIVE_INFINITY;
  write(JSON.stringify({ type: 'Start', version: BOOTC_PROGRESS_VERSION }));
  return (event) => {
    const state = book.record(event);
    const nowMs = clock.nowMs();
    if (event.kind === 'advance' && nowMs - sentMs < LEAST_MS_BETWEEN_DROPPABLE) return;
    sentMs = nowMs;
    write(JSON.stringify(state.unit === 'bytes' ? bytesReport(state) : stepsReport(state)));
  };
}

function bytesReport(state: TaskState): unknown {
  return {
    type: 'ProgressBytes',
    task: taskName(state),
    description: state.task,
    id: state.task,
    bytesCached: state.saved,
    bytes: state.done,
    bytesTotal: state.total ?? state.done + state.saved,
    stepsCached: 0,
    steps: state.ended ? 1 : 0,
    stepsTotal: 1,
    subtasks: [],
  };
}

function stepsReport(state: TaskState): unknown {
  return {
    type: 'ProgressSteps',
    task: taskName(state),
    description: state.task,
    id: state.task,
    stepsCached: state.saved,
    steps: state.done,
    stepsTotal: state.total ?? state.done + state.saved,
    subtasks: [],
  };
}

/** The protocol's word for what is going on: bytes are pulled, everything counted in steps stages. */
function taskName(state: TaskState): string {
  return state.unit === 'bytes' ? 'pulling' : 'staging';
}
