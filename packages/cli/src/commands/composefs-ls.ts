import { type ListedName, listingLine, listTree } from '@slipway/composefs/images';
import type { CommandContext } from '../command/spec.ts';
import { emit } from '../output/emit.ts';
import { rootNames, treesOf } from './composefs-images.ts';

interface ComposefsLsInput {
  readonly images: readonly string[];
  readonly filter: readonly string[];
  readonly json: boolean;
}

/** `slipway composefs ls IMAGE...`. */
export async function composefsLs(input: ComposefsLsInput, context: CommandContext): Promise<number> {
  const listed: ListedName[] = [];
  for await (const root of treesOf(input.images)) {
    for (const name of listTree(root, rootNames(input))) listed.push(name);
  }
  emit(context, input, listed, (names) => names.map(listingLine));
  return 0;
}
