import { statSync } from 'node:fs';
import type { ImportedImage, Repository } from '@slipway/composefs';
import {
  type DiskDirectory,
  type DiskFile,
  type DiskMetadata,
  type DiskNode,
  fileContent,
} from '@slipway/disk';

/** What of a store goes with hosts. */
export interface StoreContent {
  /** Digests of every object, the EROFS images and the records among them. */
  readonly objects: Iterable<string>;
  /** Names of records and the objects they are. */
  readonly streams: ReadonlyMap<string, string>;
}

/** An image, imported and made bootable. */
interface HostImage {
  readonly imported: Pick<ImportedImage, 'stream'>;
  readonly deployment: { readonly id: string };
}

/** What hosts of these images carry. The files of an image are files of its layers, whose records name them: it need not be read. */
export function storeContent(repository: Repository, images: readonly HostImage[]): StoreContent {
  const { objects, streams } = repository.reachable({
    images: [],
    streams: images.map(({ imported }) => imported.stream),
  });
  return { objects: new Set([...objects, ...images.map(({ deployment }) => deployment.id)]), streams };
}

/** The directory of objects: one below it for the first two digits of their digests, the others are their names there. */
export function objectsDirectory(
  repository: Repository,
  objects: Iterable<string>,
  meta: { readonly file: DiskMetadata; readonly directory: DiskMetadata },
): DiskDirectory {
  const prefixes = new Map<string, Map<string, DiskNode>>();
  for (const digest of objects) {
    const [prefix, name] = [digest.slice(0, 2), digest.slice(2)];
    const entries = prefixes.get(prefix) ?? new Map<string, DiskNode>();
    if (entries.size === 0) prefixes.set(prefix, entries);
    entries.set(name, new ObjectFile(repository, digest, meta.file));
  }
  const directories = new Map<string, DiskNode>();
  for (const [prefix, entries] of prefixes)
    directories.set(prefix, { kind: 'directory', meta: meta.directory, entries });
  return { kind: 'directory', meta: meta.directory, entries: directories };
}

/** Path of an object below the directory of objects. */
export function objectPath(digest: string): string {
  return `${digest.slice(0, 2)}/${digest.slice(2)}`;
}

/** An object of a store as a file of a disk. There are as many as an image has files: they hold little, and say the rest when asked. */
class ObjectFile implements DiskFile {
  readonly meta: DiskMetadata;
  readonly sizeBytes: number;
  readonly #repository: Repository;
  readonly #digest: string;

  constructor(repository: Repository, digest: string, meta: DiskMetadata) {
    this.meta = meta;
    this.#repository = repository;
    this.#digest = digest;
    this.sizeBytes = statSync(this.path).size;
  }

  get kind(): 'file' {
    return 'file';
  }

  get path(): string {
    return this.#repository.objectPath(this.#digest);
  }

  get verity(): Repository['algorithm'] {
    return this.#repository.algorithm;
  }

  get verityDigest(): Uint8Array {
    return Buffer.from(this.#digest, 'hex');
  }

  /** Read as it is: the disk writer measures it, and refuses what does not have the digest that names it. */
  open(): ReturnType<typeof fileContent> {
    return fileContent(this.path, this.sizeBytes);
  }
}
