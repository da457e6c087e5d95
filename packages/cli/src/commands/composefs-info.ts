import {
  type ImageSummary,
  imageId,
  readImageFile,
  summarizeImage,
  type VerityAlgorithm,
} from '@slipway/composefs/images';
import { formatBytes } from '@slipway/core';
import type { CommandContext } from '../command/spec.ts';
import { emit } from '../output/emit.ts';
import { block } from '../render/block.ts';

interface ComposefsInfoInput {
  readonly images: readonly string[];
  readonly algorithm: VerityAlgorithm;
  readonly json: boolean;
}

interface ImageFacts extends ImageSummary {
  readonly path: string;
  readonly digest: string;
  readonly sizeBytes: number;
}

/** `slipway composefs info IMAGE...`. */
export async function composefsInfo(input: ComposefsInfoInput, context: CommandContext): Promise<number> {
  const facts: ImageFacts[] = [];
  for (const path of input.images) {
    const image = await readImageFile(path);
    const digest = imageId(image.bytes, input.algorithm);
    facts.push({ path, digest, sizeBytes: image.bytes.length, ...summarizeImage(image) });
  }
  emit(context, input, facts, (images) => images.flatMap(imageWords));
  return 0;
}

function imageWords({ path, digest, sizeBytes, ...summary }: ImageFacts): readonly string[] {
  const { formatVersion, names, inodes, objects, inlineBytes } = summary;
  const counted = Object.entries(inodes).filter(([, count]) => count > 0);
  return block(
    ' ',
    ['Image', path],
    [
      ['Digest', digest],
      ['Size', `${formatBytes(sizeBytes)}, format version ${formatVersion}`],
      ['Names', `${names}`],
      ['Inodes', counted.map(([kind, count]) => `${count} ${kind}`).join(', ')],
      ['Objects', `${objects.count}, ${formatBytes(objects.totalBytes)}`],
      ['Inline', formatBytes(inlineBytes)],
    ],
  );
}
