import { cleanUp, runningSystem } from '@slipway/host';
import type { CommandContext } from '../command/spec.ts';
import { emit } from '../output/emit.ts';
import { cleanupWords } from '../render/kept.ts';

/** `slipway cleanup`. */
export async function cleanup(
  input: { readonly dryRun: boolean; readonly json: boolean },
  context: CommandContext,
): Promise<number> {
  const result = await cleanUp(runningSystem(), { ...context.operation, dryRun: input.dryRun });
  emit(context, input, result, cleanupWords);
  return 0;
}
