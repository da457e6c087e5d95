import { mkdirSync, readdirSync, readlinkSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { errnoOf } from '@slipway/core';
import type { VerityAlgorithm } from '../verity/algorithm.ts';
import { ioError } from './io-error.ts';
import { isDigestHex, OBJECTS_DIRECTORY, objectName } from './layout.ts';
import { replaceLink } from './replace-link.ts';
import { syncDirectory } from './sync.ts';

const TARGET = new RegExp(`^\\.\\./${OBJECTS_DIRECTORY}/(?<prefix>[0-9a-f]{2})/(?<rest>[0-9a-f]+)$`);

/**
 * A directory of symbolic links into `objects/`: `images/` and `streams/`.
 *
 * A link is made under another name and renamed, and the directory is synced before the call returns. A power cut
 * leaves the old link, or the new one, or one link in `tmp/` that garbage collection removes.
 */
export class NamedLinks {
  readonly #directory: string;
  readonly #tempDirectory: string;
  readonly #algorithm: VerityAlgorithm;

  constructor(directory: string, tempDirectory: string, algorithm: VerityAlgorithm) {
    this.#directory = directory;
    this.#tempDirectory = tempDirectory;
    this.#algorithm = algorithm;
  }

  path(name: string): string {
    return join(this.#directory, name);
  }

  /** Makes the name stand for this object. The object must be synced. */
  set(name: string, digestHex: string): void {
    try {
      mkdirSync(this.#directory, { recursive: true, mode: 0o755 });
      replaceLink(this.#tempDirectory, `../${OBJECTS_DIRECTORY}/${objectName(digestHex)}`, this.path(name));
      this.syncDirectory();
    } catch (cause) {
      throw ioError(`name an object ${name}`, this.path(name), cause);
    }
  }

  /** Digest of the object the name stands for; undefined when there is no such name or it is no link of ours. */
  get(name: string): string | undefined {
    let target: string;
    try {
      target = readlinkSync(this.path(name));
    } catch (cause) {
      if (errnoOf(cause) === 'ENOENT' || errnoOf(cause) === 'EINVAL') return undefined;
      throw ioError(`look up ${name}`, this.path(name), cause);
    }
    const groups = TARGET.exec(target)?.groups;
    const digestHex = `${groups?.['prefix']}${groups?.['rest']}`;
    return isDigestHex(digestHex, this.#algorithm) ? digestHex : undefined;
  }

  /** Takes the name away; the object stays until garbage is collected. Returns whether it was there. */
  remove(name: string): boolean {
    try {
      rmSync(this.path(name));
      return true;
    } catch (cause) {
      if (errnoOf(cause) === 'ENOENT') return false;
      throw ioError(`remove ${name}`, this.path(name), cause);
    }
  }

  /** Every name, sorted; directories (`refs/` of composefs-rs) are not names. */
  list(): readonly string[] {
    try {
      const entries = readdirSync(this.#directory, { withFileTypes: true });
      return entries
        .filter((entry) => !entry.isDirectory())
        .map((entry) => entry.name)
        .sort();
    } catch (cause) {
      if (errnoOf(cause) === 'ENOENT') return [];
      throw ioError('list names', this.#directory, cause);
    }
  }

  /** After it, names set and removed survive a power cut. */
  syncDirectory(): void {
    try {
      syncDirectory(this.#directory);
    } catch (cause) {
      if (errnoOf(cause) !== 'ENOENT') throw ioError('sync names', this.#directory, cause);
    }
  }
}
