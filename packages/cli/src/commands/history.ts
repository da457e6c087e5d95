import { errnoOf, SlipwayError } from '@slipway/core';
import {
  type HistoryRecord,
  type HostSystem,
  readHistory,
  recordsOfBoot,
  requireBootedId,
  runningSystem,
} from '@slipway/host';
import type { CommandContext } from '../command/spec.ts';
import { emit } from '../output/emit.ts';
import { historyWords } from '../render/history.ts';

interface HistoryInput {
  readonly limit: number;
  readonly boot: number | undefined;
  readonly json: boolean;
}

/** `slipway history`. */
export async function history(input: HistoryInput, context: CommandContext): Promise<number> {
  const system = runningSystem();
  await requireBootedId(system);
  const records = await recordsAskedFor(system, input).catch(notRoot);
  emit(context, input, records, historyWords);
  return 0;
}

async function recordsAskedFor(
  system: HostSystem,
  { limit, boot }: HistoryInput,
): Promise<readonly HistoryRecord[]> {
  if (boot === undefined) return readHistory(system.layout.history, limit);
  const all = await readHistory(system.layout.history, Number.MAX_SAFE_INTEGER);
  return recordsOfBoot(all, await system.bootId(), boot).slice(-limit);
}

function notRoot(thrown: unknown): never {
  if (errnoOf(thrown) !== 'EACCES') throw thrown;
  throw new SlipwayError('NOT_ROOT', 'cannot read the history of this host: not root', {
    hint: 'run the command as root; slipway status shows the last records to everyone',
    cause: thrown,
  });
}
