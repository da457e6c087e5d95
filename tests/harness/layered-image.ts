import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '@slipway/core';
import { type TarInput, writeTar } from '@slipway/oci';
import { bytesOf, member } from '../../packages/composefs/src/import/testing.ts';
import { Random } from '../../packages/composefs/src/testing/random-dump.ts';

/** How much is in an image made for a test. */
export interface LayeredImageSize {
  readonly layers: number;
  readonly filesPerLayer: number;
  /** Length of the one long file of each layer. */
  readonly longFileBytes: number;
}

/** What a layer is made of, or its archive as another program wrote it. */
export type LayerContents = Iterable<TarInput> | Buffer;

/** Writes the archives of the layers into an OCI layout with umoci. Gives back the path of the layout; the tag is `test`. */
export async function umociLayout(directory: string, layers: Iterable<LayerContents>): Promise<string> {
  const layout = join(directory, 'layout');
  const umoci = async (...args: readonly string[]): Promise<void> => {
    await run(['umoci', ...args], { describe: 'make an image with umoci' });
  };
  await umoci('init', '--layout', layout);
  await umoci('new', '--image', `${layout}:test`);
  for (const contents of layers) {
    const archive = join(directory, 'layer.tar');
    await writeFile(archive, Buffer.isBuffer(contents) ? contents : await bytesOf(writeTar(contents)));
    await umoci('raw', 'add-layer', '--image', `${layout}:test`, archive);
  }
  return layout;
}

/** An image that could boot, as far as the store is concerned: small files of every length, one long one in each layer. */
export async function layeredImage(directory: string, size: LayeredImageSize): Promise<string> {
  const layers = Array.from({ length: size.layers }, (_, layer) => layerMembers(layer, size));
  return await umociLayout(directory, layers);
}

function layerMembers(
  layer: number,
  { filesPerLayer, longFileBytes }: LayeredImageSize,
): readonly TarInput[] {
  const random = new Random(layer + 1);
  const bytes = (length: number): Buffer => Buffer.from(random.hex(length), 'latin1');
  const small = Array.from({ length: filesPerLayer }, (_, index) =>
    member(`usr/share/${layer}/${index}`, { bytes: bytes(random.below(8000)) }),
  );
  const directories = ['usr/', 'boot/', 'sysroot/', 'usr/share/', `usr/share/${layer}/`].map((path) =>
    member(path),
  );
  return [...directories, ...small, member(`usr/share/${layer}/long`, { bytes: bytes(longFileBytes) })];
}
