import type { Operation, ProgressSink } from '@slipway/core';
import type { CommandContext } from '../command/spec.ts';
import { bootcProgress } from './bootc-lines.ts';
import { descriptorLines } from './descriptor.ts';

/**
 * The operation of a command with its progress also written to `--progress-fd`, where one was given.
 *
 * @throws SlipwayError USAGE when the descriptor cannot be written to
 */
export function withProgressFd(context: CommandContext, fd: number | undefined): Operation {
  if (fd === undefined) return context.operation;
  const shown = context.operation.progress;
  const sent = bootcProgress(descriptorLines(fd), context.clock);
  const both: ProgressSink = (event) => {
    shown(event);
    sent(event);
  };
  return { ...context.operation, progress: both };
}
