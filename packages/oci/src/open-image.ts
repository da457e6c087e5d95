import { dockerArchiveSource } from './archive/docker-archive-source.ts';
import { dockerArchiveTarget } from './archive/docker-archive-target.ts';
import { ociArchiveSource } from './archive/oci-archive-source.ts';
import { ociArchiveTarget } from './archive/oci-archive-target.ts';
import { storageSource } from './containers-storage/source.ts';
import { storageTarget } from './containers-storage/target.ts';
import { directorySource } from './dir/source.ts';
import { directoryTarget } from './dir/target.ts';
import type { WholeImageSource } from './image.ts';
import { layoutSource } from './layout/source.ts';
import { openLayoutWriter } from './layout/writer.ts';
import type { Reference } from './reference.ts';
import { type RegistryOptions, registrySource } from './registry/source.ts';
import { type RegistryTargetOptions, registryTarget } from './registry/target.ts';
import type { ImageTarget } from './target.ts';

/**
 * Opens the place a reference names for reading. Nothing is asked or read before something is wanted;
 * dispose of it when done.
 */
export function openImage(reference: Reference, options: RegistryOptions = {}): WholeImageSource {
  const { kind } = reference;
  if (kind === 'registry') return registrySource(reference, options);
  if (kind === 'oci') return layoutSource(reference);
  if (kind === 'dir') return directorySource(reference);
  if (kind === 'containers-storage') return storageSource(reference);
  return kind === 'oci-archive' ? ociArchiveSource(reference) : dockerArchiveSource(reference);
}

/**
 * Opens the place a reference names for writing; a layout is made when there is none, an archive or directory is replaced when
 * the image is there as a whole. The tag is given when the image is copied.
 */
export async function openTarget(
  reference: Reference,
  options: RegistryTargetOptions = {},
): Promise<ImageTarget> {
  const { kind } = reference;
  if (kind === 'registry') return await registryTarget(reference, options);
  if (kind === 'oci') return await openLayoutWriter(reference.path);
  if (kind === 'dir') return await directoryTarget(reference);
  if (kind === 'containers-storage') return await storageTarget(reference);
  return kind === 'oci-archive' ? await ociArchiveTarget(reference) : await dockerArchiveTarget(reference);
}
