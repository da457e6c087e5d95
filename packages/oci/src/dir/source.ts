import { constants } from 'node:fs';
import { open, readFile } from 'node:fs/promises';
import { errnoOf, messageOf, SlipwayError } from '@slipway/core';
import { digestAlgorithm, digestOf } from '../digest.ts';
import type { Digest, WholeImageSource } from '../image.ts';
import { fileBlob, memoryBlob } from '../local/file-blob.ts';
import { type LocalBlob, LocalSource, type LocalStore } from '../local/local-source.ts';
import { MAX_MANIFEST_BYTES } from '../manifest.ts';
import { type DirectoryReference, formatReference } from '../reference.ts';
import { DIRECTORY_FILES } from './directory-files.ts';

/** Reads the image of a directory, as `skopeo copy … dir:` and {@link directoryTarget} write it. */
export function directorySource(reference: DirectoryReference): WholeImageSource {
  return new LocalSource('dir', formatReference(reference), new DirectoryStore(reference));
}

class DirectoryStore implements LocalStore {
  readonly name: string;
  readonly damagedHint: string = 'the directory is damaged: copy the image into it again';
  readonly #reference: DirectoryReference;
  #manifest: Promise<Buffer> | undefined;

  constructor(reference: DirectoryReference) {
    this.#reference = reference;
    this.name = `dir:${reference.path}`;
  }

  async top(): Promise<{ readonly digest: Digest; readonly size: number }> {
    this.#manifest ??= this.#readManifest();
    const bytes = await this.#manifest;
    const { digest } = this.#reference;
    const actual = digestOf(bytes, digest === undefined ? 'sha256' : digestAlgorithm(digest));
    if (digest === undefined || digest === actual) return { digest: actual, size: bytes.length };
    throw new SlipwayError('OCI_NOT_FOUND', `cannot find ${digest} in ${this.name}: its image is ${actual}`);
  }

  async open(digest: Digest, hint: string = this.damagedHint): Promise<LocalBlob> {
    if ((await this.top()).digest === digest) return memoryBlob((await this.#manifest) ?? Buffer.alloc(0));
    const { path } = this.#reference;
    for (const file of [DIRECTORY_FILES.blob(path, digest), DIRECTORY_FILES.part(path, digest)]) {
      const blob = await openIfThere(file);
      if (blob !== undefined) return blob;
    }
    throw new SlipwayError('OCI_NOT_FOUND', `cannot find the blob ${digest} in ${this.name}`, { hint });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Files are open only while a blob is read.
  }

  async #readManifest(): Promise<Buffer> {
    const path = DIRECTORY_FILES.manifest(this.#reference.path);
    const blob = await openIfThere(path);
    if (blob === undefined) {
      throw new SlipwayError(
        'OCI_NOT_FOUND',
        `cannot find an image in ${this.name}: it has no manifest.json`,
        {
          hint: 'an OCI layout is oci:DIR; dir: is what skopeo copy IMAGE dir:DIR writes',
        },
      );
    }
    await blob[Symbol.asyncDispose]();
    if (blob.sizeBytes > MAX_MANIFEST_BYTES) {
      throw new SlipwayError(
        'OCI_MANIFEST_INVALID',
        `cannot use ${this.name}: its manifest.json is too large`,
      );
    }
    return await readFile(path);
  }
}

async function openIfThere(path: string): Promise<LocalBlob | undefined> {
  try {
    // Without O_NONBLOCK a named pipe planted there would hold us for ever.
    const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const stats = await handle.stat();
    if (stats.isFile()) return fileBlob(handle, stats.size);
    await handle.close();
    throw new SlipwayError('OCI_LAYOUT_INVALID', `cannot use ${path}: it is not a file`);
  } catch (cause) {
    if (cause instanceof SlipwayError) throw cause;
    if (errnoOf(cause) === 'ENOENT' || errnoOf(cause) === 'ENOTDIR') return undefined;
    throw new SlipwayError('IO_FAILED', `cannot read ${path}: ${messageOf(cause)}`, { cause });
  }
}
