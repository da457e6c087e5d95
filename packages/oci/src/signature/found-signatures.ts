/** Everything signed about one image, read once, when it is first asked for. */
import type { OperationOptions } from '@slipway/core';
import type { Digest, ResolvedImage } from '../image.ts';
import type { Reference } from '../reference.ts';
import type { RegistryOptions } from '../registry/source.ts';
import { type Attachments, openAttachments } from './attachments.ts';
import { type CosignSignature, readCosignSignatures } from './cosign-signature.ts';
import { readLookaside } from './lookaside.ts';
import { loadRegistriesD, placesFor } from './registries-d.ts';
import { readBundles, type SignedDocument } from './sigstore-bundles.ts';

/** Where signatures are looked for. */
export interface SignaturePlaceOptions extends RegistryOptions {
  /** Directories with files of registries.d. Default: those of this machine. */
  readonly registriesDirectories?: readonly string[];
}

/** A signature and what it was found at: only what it then says of itself is compared with it. */
export interface Found<T> {
  readonly document: SignedDocument;
  readonly signature: T;
}

/** The signatures of one image. Dispose of it when done. */
export class FoundSignatures implements AsyncDisposable {
  readonly reference: Reference;
  /** What a signature may be of: the manifest, and the index that names it. */
  readonly documents: readonly SignedDocument[];
  readonly #options: SignaturePlaceOptions & OperationOptions;
  #attachments: Promise<Attachments> | undefined;
  #cosign: Promise<readonly Found<CosignSignature>[]> | undefined;
  #bundles: Promise<readonly Found<Uint8Array>[]> | undefined;
  #simple: Promise<readonly Found<Uint8Array>[]> | undefined;

  constructor(
    reference: Reference,
    image: ResolvedImage,
    options: SignaturePlaceOptions & OperationOptions = {},
  ) {
    this.reference = reference;
    this.documents = documentsOf(image);
    this.#options = options;
  }

  /** Attached by tag. */
  cosign(): Promise<readonly Found<CosignSignature>[]> {
    this.#cosign ??= this.#each(async (digest) =>
      readCosignSignatures(await this.#open(), digest, this.#options),
    );
    return this.#cosign;
  }

  /** Attached as referrers. */
  bundles(): Promise<readonly Found<Uint8Array>[]> {
    this.#bundles ??= this.#each(async (digest) => readBundles(await this.#open(), digest, this.#options));
    return this.#bundles;
  }

  /** Kept beside the registry. */
  simple(): Promise<readonly Found<Uint8Array>[]> {
    const { reference } = this;
    if (reference.kind !== 'registry') return Promise.resolve([]);
    this.#simple ??= this.#each(async (digest) => {
      const { lookaside } = placesFor(await loadRegistriesD(this.#options.registriesDirectories), reference);
      return await readLookaside(lookaside, reference, digest, this.#options);
    });
    return this.#simple;
  }

  /** Whether the machine's owner wants signatures to be looked for in the registry; in a directory they always are. */
  async usesAttachments(): Promise<boolean> {
    if (this.reference.kind !== 'registry') return true;
    const configured = await loadRegistriesD(this.#options.registriesDirectories);
    return placesFor(configured, this.reference).useSigstoreAttachments;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const attachments = await this.#attachments?.catch(() => undefined);
    await attachments?.[Symbol.asyncDispose]();
  }

  #open(): Promise<Attachments> {
    this.#attachments ??= openAttachments(this.reference, this.#options);
    return this.#attachments;
  }

  async #each<T>(read: (digest: Digest) => Promise<readonly T[]>): Promise<readonly Found<T>[]> {
    const found: Found<T>[] = [];
    for (const document of this.documents) {
      for (const signature of await read(document.digest)) found.push({ document, signature });
    }
    return found;
  }
}

/** Who signed an index signed every image in it: their digests stand there. */
function documentsOf(image: ResolvedImage): readonly SignedDocument[] {
  const manifest = { digest: image.manifestDigest, bytes: image.manifestBytes };
  if (image.referenceDigest === image.manifestDigest) return [manifest];
  return [manifest, { digest: image.referenceDigest, bytes: undefined }];
}
