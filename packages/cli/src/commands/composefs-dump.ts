import { dumpImage, readImageFile } from '@slipway/composefs/images';
import type { CommandContext } from '../command/spec.ts';
import { rootNames } from './composefs-images.ts';

interface ComposefsDumpInput {
  readonly images: readonly string[];
  readonly filter: readonly string[];
}

/** `slipway composefs dump IMAGE...`. */
export async function composefsDump(input: ComposefsDumpInput, context: CommandContext): Promise<number> {
  for (const path of input.images) {
    const image = await readImageFile(path);
    for (const piece of dumpImage(image, rootNames(input))) await context.printBytes(piece);
  }
  return 0;
}
