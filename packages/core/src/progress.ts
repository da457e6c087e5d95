/** What a step counts. */
export type ProgressUnit = 'bytes' | 'items' | 'steps';

/** One report of a long operation. `task` is the same text from start to end of one piece of work. */
export type ProgressEvent =
  | {
      readonly kind: 'start';
      readonly task: string;
      readonly unit: ProgressUnit;
      readonly total: number | undefined;
    }
  | {
      readonly kind: 'advance';
      readonly task: string;
      readonly done: number;
      readonly total: number | undefined;
      readonly saved: number;
    }
  | { readonly kind: 'end'; readonly task: string; readonly done: number; readonly saved: number };

/** Receives the reports of a long operation; must not throw and must return at once. */
export type ProgressSink = (event: ProgressEvent) => void;

/** A sink that hears nothing. */
export const silentProgress: ProgressSink = () => undefined;

/** A running count of one task; `saved` counts what did not have to be done (bytes already here). */
export interface ProgressTask {
  advance(amount: number): void;
  save(amount: number): void;
  end(): void;
}

/** Starts counting a task. */
export function startTask(
  sink: ProgressSink,
  task: string,
  unit: ProgressUnit,
  total?: number,
): ProgressTask {
  let done = 0;
  let saved = 0;
  sink({ kind: 'start', task, unit, total });
  return {
    advance(amount) {
      done += amount;
      sink({ kind: 'advance', task, done, total, saved });
    },
    save(amount) {
      saved += amount;
      sink({ kind: 'advance', task, done, total, saved });
    },
    end() {
      sink({ kind: 'end', task, done, saved });
    },
  };
}
