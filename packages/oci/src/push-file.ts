import { createReadStream } from 'node:fs';
import { basename } from 'node:path';
import { errnoOf, messageOf, type OperationOptions, SlipwayError } from '@slipway/core';
import { DigestHasher, digestOf } from './digest.ts';
import { EMPTY_CONFIG } from './empty-config.ts';
import type { Descriptor, Digest } from './image.ts';
import { MEDIA_TYPES } from './manifest.ts';
import { streamOf } from './signature/put-bytes.ts';
import type { ImageTarget } from './target.ts';

/** Type of an artefact that is one file, whatever is in it. */
const FILE_ARTIFACT_TYPE = 'application/vnd.slipway.file.v1';
const TITLE = 'org.opencontainers.image.title';

/** A file as an artefact. */
export interface PushedFile {
  /** Of the artefact: what it is named by. */
  readonly digest: Digest;
  /** Of the file itself. */
  readonly fileDigest: Digest;
  readonly sizeBytes: number;
}

/**
 * Puts a file where images are, as an artefact of one layer. The same file under the same name always has the same digest; what is there
 * already is not sent again, and the manifest comes last.
 *
 * @param tag a registry removes in time what has none
 * @throws SlipwayError IO_FAILED, OCI_DIGEST_MISMATCH when the file changes meanwhile, and what targets throw
 */
export async function pushFile(
  path: string,
  target: ImageTarget,
  tag: string,
  options: OperationOptions = {},
): Promise<PushedFile> {
  const { digest: fileDigest, sizeBytes } = await hashFile(path, options);
  const layer: Descriptor = {
    mediaType: 'application/octet-stream',
    digest: fileDigest,
    size: sizeBytes,
    annotations: { [TITLE]: basename(path) },
  };
  if (!(await target.hasBlob(layer, options)))
    await target.putBlob(layer, () => createReadStream(path) as AsyncIterable<Buffer>, options);
  await target.putBlob(EMPTY_CONFIG.descriptor, () => streamOf(EMPTY_CONFIG.bytes), options);
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: MEDIA_TYPES.manifest,
      artifactType: FILE_ARTIFACT_TYPE,
      config: EMPTY_CONFIG.descriptor,
      layers: [layer],
    }),
    'utf8',
  );
  await target.putManifest(manifest, MEDIA_TYPES.manifest, tag, options);
  return { digest: digestOf(manifest), fileDigest, sizeBytes };
}

async function hashFile(
  path: string,
  { signal }: OperationOptions,
): Promise<{ readonly digest: Digest; readonly sizeBytes: number }> {
  const hasher = new DigestHasher();
  try {
    for await (const chunk of createReadStream(path, { signal }) as AsyncIterable<Buffer>)
      hasher.update(chunk);
  } catch (cause) {
    if (errnoOf(cause) === undefined || signal?.aborted === true) throw cause;
    throw new SlipwayError('IO_FAILED', `cannot read ${path}: ${messageOf(cause)}`, { cause });
  }
  return { digest: hasher.digest(), sizeBytes: hasher.sizeBytes };
}
