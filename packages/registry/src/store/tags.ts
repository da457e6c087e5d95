import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { SlipwayError } from '@slipway/core';
import {
  type Descriptor,
  type Digest,
  formatLayoutIndex,
  isDigest,
  isRepositoryName,
  isTag,
  type LayoutIndex,
  REF_NAME,
  readLayoutIndex,
} from '@slipway/oci';
import { compareLexically } from '../http/paging.ts';
import { writeDurably } from './durable.ts';
import { temporaryPath } from './paths.ts';

/** Far more tags than anybody has; what `index.json` may hold (`indexSchema` of `@slipway/oci`). */
const MAX_ENTRIES = 65_536;

type IndexEntry = LayoutIndex['entries'][number];

/** All tags at one moment. */
export interface TagSnapshot {
  /** Changes whenever the tags do. */
  readonly version: string;
  readonly index: LayoutIndex;
  /** By repository, then by tag. */
  readonly repositories: ReadonlyMap<string, ReadonlyMap<string, Descriptor>>;
  /** What entries with other names point at. */
  readonly others: readonly Digest[];
}

/**
 * The tags of all repositories: the entries of `index.json`, each named REPOSITORY:TAG by
 * `org.opencontainers.image.ref.name`, so that every tool that reads a layout finds them. Entries with other names belong to
 * whoever wrote them, and stay.
 *
 * The file is replaced as a whole: a power cut leaves the old tags or the new ones. Changes are made under the lock of the store.
 */
export class Tags {
  readonly #root: string;
  #snapshot: TagSnapshot | undefined;

  constructor(root: string) {
    this.#root = root;
  }

  /**
   * The tags now; read again only when the file is another one.
   *
   * @throws SlipwayError OCI_LAYOUT_INVALID
   */
  async read(): Promise<TagSnapshot> {
    // Asked before it is read: a file replaced in between is read again the next time.
    const version = await this.#version();
    if (this.#snapshot?.version === version) return this.#snapshot;
    const index = await readLayoutIndex(this.#root);
    if (index === undefined) {
      throw new SlipwayError('OCI_LAYOUT_INVALID', `cannot use ${this.#root}: it is not an OCI layout`);
    }
    this.#snapshot = { version, index, ...sortEntries(index) };
    return this.#snapshot;
  }

  /** Points a tag at a manifest that is in the repository. */
  async set(repository: string, tag: string, descriptor: Descriptor): Promise<void> {
    const name = `${repository}:${tag}`;
    const { index } = await this.read();
    const { mediaType, digest, size } = descriptor;
    const entry = { mediaType, digest, size, annotations: { [REF_NAME]: name } };
    const others = index.entries.filter((other) => refName(other) !== name);
    if (others.length >= MAX_ENTRIES) {
      throw new SlipwayError(
        'OCI_LAYOUT_INVALID',
        `cannot tag ${name}: there are ${MAX_ENTRIES} tags already`,
        {
          hint: 'delete tags nobody needs, or start another registry in another directory',
        },
      );
    }
    await this.#replace({ ...index, entries: [...others, entry] });
  }

  /** Removes the tags of a repository that fit; how many there were. */
  async remove(repository: string, fits: (tag: string, descriptor: Descriptor) => boolean): Promise<number> {
    const { index, repositories } = await this.read();
    const names = new Set<string>();
    for (const [tag, descriptor] of repositories.get(repository) ?? []) {
      if (fits(tag, descriptor)) names.add(`${repository}:${tag}`);
    }
    if (names.size > 0) {
      await this.#replace({
        ...index,
        entries: index.entries.filter((entry) => !names.has(refName(entry) ?? '')),
      });
    }
    return names.size;
  }

  async #replace(index: LayoutIndex): Promise<void> {
    await writeDurably(this.#path, formatLayoutIndex(index), temporaryPath(this.#root));
  }

  get #path(): string {
    return join(this.#root, 'index.json');
  }

  async #version(): Promise<string> {
    const { ino, size, mtimeNs, ctimeNs } = await stat(this.#path, { bigint: true });
    return `${ino}-${size}-${mtimeNs}-${ctimeNs}`;
  }
}

/** Tags of a repository as lists show them. */
export function sortedTags(snapshot: TagSnapshot, repository: string): readonly string[] {
  return [...(snapshot.repositories.get(repository)?.keys() ?? [])].toSorted(compareLexically);
}

function sortEntries(index: LayoutIndex): Pick<TagSnapshot, 'repositories' | 'others'> {
  const repositories = new Map<string, Map<string, Descriptor>>();
  const others: Digest[] = [];
  for (const entry of index.entries) {
    const name = splitName(refName(entry) ?? '');
    const descriptor = toDescriptor(entry);
    if (descriptor === undefined) continue;
    if (name === undefined) {
      others.push(descriptor.digest);
      continue;
    }
    const tags = repositories.get(name.repository) ?? new Map<string, Descriptor>();
    repositories.set(name.repository, tags);
    // Other tools may list one name for several machines; the first counts.
    if (!tags.has(name.tag)) tags.set(name.tag, descriptor);
  }
  return { repositories, others };
}

function splitName(name: string): { readonly repository: string; readonly tag: string } | undefined {
  const colon = name.lastIndexOf(':');
  const [repository, tag] = [name.slice(0, Math.max(colon, 0)), name.slice(colon + 1)];
  return isRepositoryName(repository) && isTag(tag) ? { repository, tag } : undefined;
}

/** The schema was checked when the file was read. */
function toDescriptor({ mediaType, digest, size }: IndexEntry): Descriptor | undefined {
  if (typeof mediaType !== 'string' || typeof digest !== 'string' || typeof size !== 'number')
    return undefined;
  return isDigest(digest) ? { mediaType, digest, size } : undefined;
}

function refName(entry: IndexEntry): string | undefined {
  return (entry['annotations'] as Readonly<Record<string, string>> | null | undefined)?.[REF_NAME];
}
