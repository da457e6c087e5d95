import { fsckHost, runningSystem } from '@slipway/host';
import { openImage } from '@slipway/oci';
import type { CommandContext } from '../command/spec.ts';
import { emit } from '../output/emit.ts';
import { fsckWords } from '../render/fsck.ts';

interface FsckInput {
  readonly repair: boolean;
  readonly json: boolean;
}

/** `slipway fsck`. */
export async function fsck(input: FsckInput, context: CommandContext): Promise<number> {
  const { repair } = input;
  const options = { ...context.operation, repair, openSource: openImage };
  const result = await fsckHost(runningSystem(), options);
  emit(context, input, result, fsckWords);
  return result.kind === 'damaged' ? 1 : 0;
}
