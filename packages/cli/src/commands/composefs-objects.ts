import { escapeBytes, treeObjects } from '@slipway/composefs/images';
import type { CommandContext } from '../command/spec.ts';
import { emit } from '../output/emit.ts';
import { rootNames, treesOf } from './composefs-images.ts';

interface ComposefsObjectsInput {
  readonly images: readonly string[];
  readonly filter: readonly string[];
  readonly json: boolean;
}

/** `slipway composefs objects IMAGE...`. */
export async function composefsObjects(
  input: ComposefsObjectsInput,
  context: CommandContext,
): Promise<number> {
  const objects = await treeObjects(treesOf(input.images), rootNames(input));
  emit(context, input, objects.map(escapeBytes), (paths) => paths);
  return 0;
}
