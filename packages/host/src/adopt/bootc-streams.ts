/**
 * What bootc must find in the object store of a deployment: manifest and configuration as streams of composefs-rs under the names it looks
 * for, and its own name for the manifest, without which its collection takes them away.
 *
 * Of an image Slipway pulled there are no streams of its layers: bootc shows it, boots it and keeps it, and fetches layers anew with the
 * next image that has them.
 */
import {
  configStreamName,
  layerStreamName,
  manifestStreamName,
  type Repository,
  type Splitstream,
  writeDocumentStream,
} from '@slipway/composefs';
import { digestOf } from '@slipway/oci';
import { DOCUMENT_LIMIT_BYTES } from '../images/recorded-documents.ts';
import { asJsonRecord, parseJsonRecord } from '../json-record.ts';
import { bootcReference } from './bootc-references.ts';

/** Under which names composefs-rs looks for the image of a configuration; without one bootc would make it of the layers. */
const IMAGE_NAMES = [
  'composefs.image',
  'composefs.image.v1',
  'composefs.image.boot',
  'composefs.image.boot.v1',
] as const;
/** Names of records of ours that bootc would take for its own. */
const OCI_NAME = /^oci-(?:manifest|config|layer)-/;

/** The documents an image came with. */
export interface ImageDocuments {
  readonly manifest: Buffer;
  readonly config: Buffer;
  readonly configDigest: string;
}

/** Undefined where the store does not have both, byte for byte. */
export function documentsOf(repository: Repository, manifestDigest: string): ImageDocuments | undefined {
  const manifest = repository.readDocument(manifestStreamName(manifestDigest), DOCUMENT_LIMIT_BYTES);
  if (manifest === undefined || digestOf(manifest) !== manifestDigest) return undefined;
  const document = asJsonRecord(parseJsonRecord(manifest.toString('utf8'))?.['config']);
  const configDigest = document?.['digest'];
  if (typeof configDigest !== 'string') return undefined;
  const config = repository.readDocument(configStreamName(configDigest), DOCUMENT_LIMIT_BYTES);
  if (config === undefined || digestOf(config) !== configDigest) return undefined;
  return { manifest, config, configDigest };
}

/**
 * Makes bootc find them. A cut leaves each name with our record or with bootc's stream; run again it does the rest.
 *
 * @param id of the deployment: its image
 */
export async function writeBootcStreams(
  repository: Repository,
  id: string,
  manifestDigest: string,
): Promise<void> {
  using _use = await repository.lock('shared');
  const name = manifestStreamName(manifestDigest);
  const manifest = repository.readSplitstream(name);
  if (manifest === undefined) await writeDocuments(repository, id, manifestDigest);
  else restoreNames(repository, manifest);
  const reference = bootcReference(manifestDigest);
  repository.streamRefs.set(reference.name, reference.target);
}

/** Takes away names that lead bootc to records it cannot read; their objects go with its next collection. */
export async function removeOwnRecords(repository: Repository): Promise<void> {
  using _use = await repository.lock('shared');
  for (const name of repository.listStreams()) {
    if (OCI_NAME.test(name) && repository.readStream(name) !== undefined) repository.removeStream(name);
  }
}

async function writeDocuments(repository: Repository, id: string, manifestDigest: string): Promise<void> {
  const documents = documentsOf(repository, manifestDigest);
  if (documents === undefined) throw new Error('internal error: the documents were there a moment ago');
  const images = new Map(IMAGE_NAMES.map((image) => [image, id] as const));
  const config = await putDocument(repository, 'ociconfg', documents.config, images);
  const named = new Map([[`config:${documents.configDigest}`, config]]);
  const manifest = await putDocument(repository, 'ocimanif', documents.manifest, named);
  await repository.sync();
  repository.streams.set(configStreamName(documents.configDigest), config);
  repository.streams.set(manifestStreamName(manifestDigest), manifest);
}

async function putDocument(
  repository: Repository,
  contentType: 'ociconfg' | 'ocimanif',
  bytes: Buffer,
  named: ReadonlyMap<string, string>,
): Promise<string> {
  const { digest: object } = await repository.putObject(bytes);
  const stream = writeDocumentStream({ contentType, object, sizeBytes: bytes.length, named });
  return (await repository.putObject(stream)).digest;
}

/** A pull of ours that met the same configuration or layer has its record there. */
function restoreNames(repository: Repository, { named }: Splitstream): void {
  for (const [reference, digest] of named) {
    const name = reference.startsWith('config:')
      ? configStreamName(reference.slice('config:'.length))
      : layerStreamName(reference);
    const isDocument = reference.startsWith('config:') || reference.startsWith('sha256:');
    if (!isDocument || !repository.hasObject(digest)) continue;
    if (repository.streams.get(name) !== digest) repository.streams.set(name, digest);
  }
}
