import { type ImageListType, type ListedImage, listImages, runningSystem } from '@slipway/host';
import type { CommandContext } from '../command/spec.ts';
import { emit } from '../output/emit.ts';

interface ImageListInput {
  readonly type: ImageListType;
  readonly format: 'table' | 'json' | undefined;
  readonly json: boolean;
}

/** `slipway image list`. */
export async function imageList(input: ImageListInput, context: CommandContext): Promise<number> {
  const images = await listImages(runningSystem(), input.type, '/', context.operation);
  emit(context, { json: input.json || input.format === 'json' }, images, imageTable);
  return 0;
}

function imageTable(images: readonly ListedImage[]): readonly string[] {
  const width = Math.max('REPOSITORY'.length, ...images.map(({ image }) => image.length));
  return [
    `${'REPOSITORY'.padEnd(width)}  TYPE`,
    ...images.map(({ image, image_type }) => `${image.padEnd(width)}  ${image_type}`),
  ];
}
