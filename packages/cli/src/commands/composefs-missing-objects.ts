import { escapeBytes, missingObjects, treeObjects } from '@slipway/composefs/images';
import type { CommandContext } from '../command/spec.ts';
import { emit } from '../output/emit.ts';
import { rootNames, treesOf } from './composefs-images.ts';

interface ComposefsMissingObjectsInput {
  readonly images: readonly string[];
  readonly basedir: string | undefined;
  readonly filter: readonly string[];
  readonly json: boolean;
}

/** `slipway composefs missing-objects IMAGE...`. */
export async function composefsMissingObjects(
  input: ComposefsMissingObjectsInput,
  context: CommandContext,
): Promise<number> {
  const objects = await treeObjects(treesOf(input.images), rootNames(input));
  const missing = input.basedir === undefined ? objects : missingObjects(input.basedir, objects);
  emit(context, input, missing.map(escapeBytes), (paths) => paths);
  return 0;
}
