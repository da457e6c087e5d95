import { runningSystem, unstage } from '@slipway/host';
import type { CommandContext } from '../command/spec.ts';
import { emit } from '../output/emit.ts';
import { unstageWords } from '../render/kept.ts';

/** `slipway unstage`. */
export async function unstageUpdate(
  input: { readonly json: boolean },
  context: CommandContext,
): Promise<number> {
  emit(context, input, await unstage(runningSystem(), context.operation), unstageWords);
  return 0;
}
