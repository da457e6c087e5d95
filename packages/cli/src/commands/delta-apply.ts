import { importImage, openRepository } from '@slipway/composefs';
import { formatBytes } from '@slipway/core';
import { expandReference, openImage } from '@slipway/oci';
import type { CommandContext } from '../command/spec.ts';
import { emit } from '../output/emit.ts';
import { cachePaths } from '../own-files.ts';
import { machineArchitecture } from './architecture.ts';

interface DeltaApplyInput {
  readonly image: string;
  readonly store: string;
  readonly arch: 'amd64' | 'arm64' | undefined;
  readonly cache: string | undefined;
  readonly json: boolean;
}

/** `slipway delta apply IMAGE --store DIR`. */
export async function deltaApply(input: DeltaApplyInput, context: CommandContext): Promise<number> {
  const { operation } = context;
  const reference = await expandReference(input.image, operation);
  const repository = await openRepository(input.store);
  await using source = openImage(reference);
  const image = await source.resolve(input.arch ?? machineArchitecture(), operation);
  const { cacheDirectory } = cachePaths(process.env, input.cache);
  const options = { ...operation, cacheDir: cacheDirectory, deltasBeside: reference };
  const { manifestDigest, fetchedBytes, newObjects, newObjectBytes } = await importImage(
    repository,
    source,
    image,
    options,
  );
  const imageBytes = image.manifest.layers.reduce((sum, { size }) => sum + size, 0);
  const answer = { digest: manifestDigest, fetchedBytes, imageBytes, newObjects, newObjectBytes };
  emit(context, input, answer, () => [
    `${manifestDigest}: fetched ${formatBytes(fetchedBytes)} of ${formatBytes(imageBytes)}, ${newObjects} new objects`,
  ]);
  return 0;
}
