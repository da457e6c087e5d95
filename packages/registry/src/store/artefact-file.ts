import { isSlipwayError, SlipwayError } from '@slipway/core';
import { type Digest, parseManifest } from '@slipway/oci';
import type { Store } from './store.ts';

/** An artefact that is one file: a manifest with a single layer (image-spec manifest.md, "Guidelines for Artifact Usage"). */
export interface ArtefactFile {
  readonly repository: string;
  /** Of the file itself. */
  readonly digest: Digest;
  readonly sizeBytes: number;
  /** What its maker called it, where that is fit for a path. */
  readonly title: string | undefined;
}

/** image-spec annotations.md: "name of the file", as oras and others write it. */
const TITLE = 'org.opencontainers.image.title';
const PLAIN_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;

/**
 * The file of an artefact; undefined when the repository has no such manifest.
 *
 * @throws SlipwayError OCI_MANIFEST_INVALID when it is an index, or has not exactly one layer
 * @throws RegistryFailure when the manifest is damaged
 */
export async function findArtefactFile(
  store: Store,
  repository: string,
  digest: Digest,
): Promise<ArtefactFile | undefined> {
  if ((await store.findManifest(repository, { kind: 'digest', digest })) === undefined) return undefined;
  const what = `${repository}@${digest}`;
  const bytes = await readThere(store, digest);
  if (bytes === undefined) return undefined;
  const document = await parseManifest(bytes, what);
  const layers = document.kind === 'manifest' ? document.manifest.layers : [];
  const [file] = layers;
  if (file === undefined || layers.length !== 1) {
    throw new SlipwayError('OCI_MANIFEST_INVALID', `cannot serve ${what}: it is not one file`, {
      hint: 'push the file with slipway registry push-file, and name the digest that prints',
    });
  }
  if (!(await store.hasBlob(repository, file.digest))) return undefined;
  const title = file.annotations?.[TITLE] ?? '';
  return {
    repository,
    digest: file.digest,
    sizeBytes: file.size,
    title: PLAIN_NAME.test(title) ? title : undefined,
  };
}

async function readThere(store: Store, digest: Digest): Promise<Uint8Array | undefined> {
  try {
    return await store.readManifest(digest);
  } catch (error) {
    if (isSlipwayError(error, 'OCI_NOT_FOUND')) return undefined;
    throw error;
  }
}
