import { allowDenied, runningSystem } from '@slipway/host';
import type { CommandContext } from '../command/spec.ts';
import { emit } from '../output/emit.ts';
import { allowWords } from '../render/kept.ts';

/** `slipway allow [DIGEST]`. */
export async function allow(
  input: { readonly digest: string | undefined; readonly json: boolean },
  context: CommandContext,
): Promise<number> {
  emit(context, input, await allowDenied(runningSystem(), input.digest, context.operation), allowWords);
  return 0;
}
