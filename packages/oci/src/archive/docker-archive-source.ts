import { SlipwayError } from '@slipway/core';
import { DigestHasher, digestOf, isDigest, parseDigest } from '../digest.ts';
import type { Descriptor, Digest, WholeImageSource } from '../image.ts';
import { type Compression, detectCompression, layerMediaType } from '../layer/compression.ts';
import { memoryBlob } from '../local/file-blob.ts';
import { type LocalBlob, LocalSource, type LocalStore } from '../local/local-source.ts';
import { MAX_CONFIG_BYTES, MAX_MANIFEST_BYTES, MEDIA_TYPES } from '../manifest.ts';
import type { DockerArchiveEntryJson } from '../manifest-schema.ts';
import { type ArchiveReference, formatReference } from '../reference.ts';
import { type ArchiveFile, openArchiveFile } from './archive-file.ts';

/**
 * Reads an image from what `docker save`, `podman save` and `skopeo copy … docker-archive:` write, of any age. Such an archive
 * has no manifest with digests; the one made here names the layers as they lie there, and is the same each time.
 */
export function dockerArchiveSource(reference: ArchiveReference): WholeImageSource {
  return new LocalSource('docker-archive', formatReference(reference), new DockerArchiveStore(reference));
}

/** The image as found: its manifest, and where its blobs are. */
interface FoundImage {
  readonly file: ArchiveFile;
  readonly manifest: Buffer;
  readonly digest: Digest;
  readonly names: ReadonlyMap<Digest, string>;
}

class DockerArchiveStore implements LocalStore {
  readonly name: string;
  readonly damagedHint: string = 'the archive is damaged: save the image again';
  readonly #reference: ArchiveReference;
  #file: Promise<ArchiveFile> | undefined;
  #image: Promise<FoundImage> | undefined;

  constructor(reference: ArchiveReference) {
    this.#reference = reference;
    this.name = `docker-archive:${reference.path}`;
  }

  async top(): Promise<{ readonly digest: Digest; readonly size: number }> {
    const { digest, manifest } = await this.#find();
    const wanted = this.#reference.digest;
    if (wanted !== undefined && wanted !== digest) {
      throw new SlipwayError(
        'OCI_NOT_FOUND',
        `cannot find ${wanted} in ${this.name}: its image is ${digest}`,
      );
    }
    return { digest, size: manifest.length };
  }

  async open(digest: Digest, hint: string = this.damagedHint): Promise<LocalBlob> {
    const image = await this.#find();
    if (digest === image.digest) return memoryBlob(image.manifest);
    const name = image.names.get(digest);
    const blob = name === undefined ? undefined : image.file.member(name);
    if (blob !== undefined) return blob;
    throw new SlipwayError('OCI_NOT_FOUND', `cannot find the blob ${digest} in ${this.name}`, { hint });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Whoever wanted it has heard why it cannot be opened.
    const file = await this.#file?.catch(() => undefined);
    await file?.[Symbol.asyncDispose]();
  }

  #find(): Promise<FoundImage> {
    this.#image ??= this.#findImage();
    return this.#image;
  }

  async #findImage(): Promise<FoundImage> {
    this.#file ??= openArchiveFile(this.#reference.path, this.name);
    const file = await this.#file;
    const entry = chooseEntry(await readEntries(file, this.name), this.#reference, this.name);
    const config = await file.document(entry.Config, MAX_CONFIG_BYTES);
    if (config === undefined) throw invalid(this.name, 'it has no configuration of the image');
    const layers = await describeLayers(file, entry.Layers, await diffIdsOf(config, this.name), this.name);
    const configDigest = digestOf(config);
    const manifest = Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        mediaType: MEDIA_TYPES.manifest,
        config: { mediaType: MEDIA_TYPES.config, digest: configDigest, size: config.length },
        layers,
      }),
    );
    const names = new Map(layers.map(({ digest }, index) => [digest, entry.Layers[index] ?? '']));
    names.set(configDigest, entry.Config);
    return { file, manifest, digest: digestOf(manifest), names };
  }
}

async function readEntries(file: ArchiveFile, name: string): Promise<readonly DockerArchiveEntryJson[]> {
  const bytes = await file.document('manifest.json', MAX_MANIFEST_BYTES);
  if (bytes === undefined) throw invalid(name, 'it has no manifest.json');
  const { check, dockerArchiveSchema } = await import('../manifest-schema.ts');
  const checked = check(dockerArchiveSchema, parseJson(bytes, name, 'manifest.json'));
  if (!checked.ok) throw invalid(name, `its manifest.json: ${checked.problem}`);
  return checked.value;
}

/** The image of the name that was given; without one, the only image. */
function chooseEntry(
  entries: readonly DockerArchiveEntryJson[],
  { tag }: ArchiveReference,
  name: string,
): DockerArchiveEntryJson {
  const wanted = tag === undefined ? undefined : familiar(tag);
  const fitting = entries.filter(
    ({ RepoTags }) => wanted === undefined || (RepoTags ?? []).some((text) => familiar(text) === wanted),
  );
  const [first, ...others] = fitting;
  if (first !== undefined && others.length === 0) return first;
  const names = entries.flatMap(({ RepoTags }) => RepoTags ?? []).slice(0, 30);
  const hint = names.length === 0 ? 'its images have no names' : `it has these images: ${names.join(', ')}`;
  if (first === undefined) {
    throw new SlipwayError('OCI_NOT_FOUND', `cannot find the image ${tag ?? ''} in ${name}`, { hint });
  }
  throw new SlipwayError('OCI_LAYOUT_INVALID', `cannot choose between ${fitting.length} images in ${name}`, {
    hint,
  });
}

/** Docker leaves out what podman writes: the well-known registry and its `library/`, or `localhost/`, and the tag `latest`. */
function familiar(name: string): string {
  const short = name.replace(/^(?:docker\.io\/(?:library\/)?|localhost\/)/, '');
  return /:[^/]*$/.test(short) ? short : `${short}:latest`;
}

async function diffIdsOf(config: Buffer, name: string): Promise<readonly Digest[]> {
  const { check, configSchema } = await import('../manifest-schema.ts');
  const checked = check(configSchema, parseJson(config, name, 'configuration'));
  if (!checked.ok) throw invalid(name, `its configuration: ${checked.problem}`);
  return (checked.value.rootfs.diff_ids ?? []).map(parseDigest);
}

async function describeLayers(
  file: ArchiveFile,
  names: readonly string[],
  diffIds: readonly Digest[],
  what: string,
): Promise<readonly Descriptor[]> {
  if (names.length !== diffIds.length) {
    throw invalid(what, `it has ${names.length} layers, its configuration says ${diffIds.length}`);
  }
  const layers: Descriptor[] = [];
  for (const [index, name] of names.entries()) {
    await using blob = file.member(name);
    const diffId = diffIds[index];
    if (blob === undefined || diffId === undefined) throw invalid(what, `its layer ${name} is missing`);
    const compression = await compressionOf(blob);
    const digest = compression === 'none' ? diffId : (digestInName(name) ?? (await digestOfBlob(blob)));
    layers.push({ mediaType: layerMediaType(compression), digest, size: blob.sizeBytes });
  }
  return layers;
}

async function compressionOf(blob: LocalBlob): Promise<Compression> {
  for await (const chunk of blob.read(0, {})) return detectCompression(chunk);
  return 'none';
}

/** Newer Docker keeps layers as an OCI layout does. */
function digestInName(name: string): Digest | undefined {
  const hex = /^blobs\/sha256\/(?<hex>[0-9a-f]{64})$/.exec(name)?.groups?.['hex'];
  const digest = `sha256:${hex ?? ''}`;
  return isDigest(digest) ? digest : undefined;
}

async function digestOfBlob(blob: LocalBlob): Promise<Digest> {
  const hasher = new DigestHasher();
  for await (const chunk of blob.read(0, {})) hasher.update(chunk);
  return hasher.digest();
}

function parseJson(bytes: Buffer, name: string, part: string): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch (cause) {
    throw invalid(name, `its ${part} is not JSON`, cause);
  }
}

function invalid(name: string, problem: string, cause?: unknown): SlipwayError {
  return new SlipwayError('OCI_LAYOUT_INVALID', `cannot use ${name}: ${problem}`, {
    hint: 'name a file that docker save or podman save wrote; podman save --format oci-archive is oci-archive:',
    cause,
  });
}
