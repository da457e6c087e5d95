import { SlipwayError } from '@slipway/core';
import { digestAlgorithm, digestHex } from '../digest.ts';
import type { Digest, WholeImageSource } from '../image.ts';
import { type LayoutIndex, MAX_INDEX_BYTES, parseLayoutIndex } from '../layout/layout-files.ts';
import { selectEntry } from '../layout/select-entry.ts';
import { type LocalBlob, LocalSource, type LocalStore } from '../local/local-source.ts';
import { type ArchiveReference, formatReference } from '../reference.ts';
import { type ArchiveFile, openArchiveFile } from './archive-file.ts';

/** Reads images from an OCI layout in a tar archive, as `skopeo copy … oci-archive:` and `buildah push` write it. */
export function ociArchiveSource(reference: ArchiveReference): WholeImageSource {
  return new LocalSource('oci-archive', formatReference(reference), new OciArchiveStore(reference));
}

class OciArchiveStore implements LocalStore {
  readonly name: string;
  readonly damagedHint: string = 'the archive is damaged: write it again';
  readonly #reference: ArchiveReference;
  #file: Promise<ArchiveFile> | undefined;

  constructor(reference: ArchiveReference) {
    this.#reference = reference;
    this.name = `oci-archive:${reference.path}`;
  }

  async top(architecture: string | undefined): Promise<{ readonly digest: Digest; readonly size?: number }> {
    const { tag, digest } = this.#reference;
    if (digest !== undefined) return { digest };
    return selectEntry(await this.#index(), tag, formatReference(this.#reference), architecture);
  }

  async open(digest: Digest, hint: string = 'the archive is incomplete: write it again'): Promise<LocalBlob> {
    const file = await this.#open();
    const blob = file.member(`blobs/${digestAlgorithm(digest)}/${digestHex(digest)}`);
    if (blob !== undefined) return blob;
    throw new SlipwayError('OCI_NOT_FOUND', `cannot find the blob ${digest} in ${this.name}`, {
      hint,
      details: { digest },
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Whoever wanted it has heard why it cannot be opened.
    const file = await this.#file?.catch(() => undefined);
    await file?.[Symbol.asyncDispose]();
  }

  #open(): Promise<ArchiveFile> {
    this.#file ??= openArchiveFile(this.#reference.path, this.name);
    return this.#file;
  }

  async #index(): Promise<LayoutIndex> {
    const file = await this.#open();
    const [marker, index] = await Promise.all([
      file.document('oci-layout', MAX_INDEX_BYTES),
      file.document('index.json', MAX_INDEX_BYTES),
    ]);
    return await parseLayoutIndex(this.name, marker, index);
  }
}
