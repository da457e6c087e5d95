import { SlipwayError } from '@slipway/core';
import type { Digest, WholeImageSource } from '../image.ts';
import { fileBlob } from '../local/file-blob.ts';
import { type LocalBlob, LocalSource, type LocalStore } from '../local/local-source.ts';
import { formatReference, type LayoutReference } from '../reference.ts';
import { openBlobFile, readLayoutIndex } from './layout-files.ts';
import { selectEntry } from './select-entry.ts';

/**
 * Reads images from an OCI layout directory, as `skopeo copy`, `buildah push`, `umoci` and
 * {@link openLayoutWriter} make it. Nothing is opened before it is asked for.
 */
export function layoutSource(reference: LayoutReference): WholeImageSource {
  return new LocalSource('oci', formatReference(reference), new LayoutStore(reference));
}

class LayoutStore implements LocalStore {
  readonly name: string;
  readonly damagedHint: string = 'the layout is damaged: copy the image into it again';
  readonly #reference: LayoutReference;

  constructor(reference: LayoutReference) {
    this.#reference = reference;
    this.name = `oci:${reference.path}`;
  }

  async top(architecture: string | undefined): Promise<{ readonly digest: Digest; readonly size?: number }> {
    const { path, tag, digest } = this.#reference;
    // Asked for its digest alone, a reference that has one need not be looked up.
    if (digest !== undefined && architecture === undefined) return { digest };
    const index = await readLayoutIndex(path);
    if (index === undefined) {
      throw new SlipwayError('OCI_NOT_FOUND', `cannot find an OCI layout at ${path}`, {
        hint: 'name the directory that holds oci-layout, index.json and blobs',
      });
    }
    if (digest !== undefined) return { digest };
    return selectEntry(index, tag, formatReference(this.#reference), architecture);
  }

  async open(digest: Digest, hint?: string): Promise<LocalBlob> {
    const { handle, sizeBytes } = await openBlobFile(this.#reference.path, digest, hint);
    return fileBlob(handle, sizeBytes);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Files are open only while a blob is read.
  }
}
