import { type Logger, silentLog } from './log.ts';
import { type ProgressSink, silentProgress } from './progress.ts';

/** What every long operation takes: how to stop it, where its progress and its words go. */
export interface OperationOptions {
  readonly signal?: AbortSignal;
  readonly progress?: ProgressSink;
  readonly log?: Logger;
}

/** The same with every part present. */
export interface Operation {
  readonly signal: AbortSignal;
  readonly progress: ProgressSink;
  readonly log: Logger;
}

const NEVER: AbortSignal = new AbortController().signal;

/** Fills in what the caller left out. */
export function operation(options: OperationOptions = {}): Operation {
  return {
    signal: options.signal ?? NEVER,
    progress: options.progress ?? silentProgress,
    log: options.log ?? silentLog,
  };
}
