import { type Dirent, mkdirSync, readdirSync, readlinkSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { errnoOf, SlipwayError } from '@slipway/core';
import { ioError } from './io-error.ts';
import { replaceLink } from './replace-link.ts';
import { syncDirectory } from './sync.ts';

/** A name somebody gave an image or a stream. */
export interface StreamReference {
  /** From the directory of references: `oci/localhost%2Fos:1`. */
  readonly name: string;
  /** What it stands for: a name in the directory above. */
  readonly target: string;
}

/** Deeper and more than anybody makes: who reads them does so at every collection. */
const DEPTH_LIMIT = 8;
const COUNT_LIMIT = 100_000;
const NAME = /^[^/\0]{1,255}$/;

/**
 * `refs/` in `images/` or `streams/`: names as composefs-rs gives them, in directories, each a link to what it keeps alive.
 *
 * A link is made under another name and renamed, and its directory synced. A power cut leaves the old link, the new one, or one in `tmp/`.
 */
export class References {
  readonly #directory: string;
  readonly #tempDirectory: string;

  constructor(directory: string, tempDirectory: string) {
    this.#directory = directory;
    this.#tempDirectory = tempDirectory;
  }

  /**
   * Every reference, sorted; files that are no links are none.
   *
   * @throws SlipwayError REPOSITORY_INVALID when there are more of them than anybody makes, IO_FAILED
   */
  list(): readonly StreamReference[] {
    const found: StreamReference[] = [];
    this.#collect('', 0, found);
    return found;
  }

  /** Gives a name, or moves it. What it stands for must be synced. */
  set(name: string, target: string): void {
    const path = this.#path(name);
    try {
      this.#makeDirectory(dirname(path));
      replaceLink(this.#tempDirectory, `${'../'.repeat(name.split('/').length)}${target}`, path);
      syncDirectory(dirname(path));
    } catch (cause) {
      throw ioError(`make the reference ${name}`, path, cause);
    }
  }

  /** Takes a name away; what only it kept alive goes with the next garbage collection. */
  remove(name: string): boolean {
    const path = this.#path(name);
    try {
      rmSync(path);
      syncDirectory(dirname(path));
      return true;
    } catch (cause) {
      if (errnoOf(cause) === 'ENOENT') return false;
      throw ioError(`remove the reference ${name}`, path, cause);
    }
  }

  #path(name: string): string {
    const parts = name.split('/');
    if (parts.length <= DEPTH_LIMIT && parts.every((part) => NAME.test(part) && !/^\.{1,2}$/.test(part)))
      return join(this.#directory, ...parts);
    throw new SlipwayError(
      'REPOSITORY_INVALID',
      `cannot use ${JSON.stringify(name.slice(0, 260))} as the name of a reference`,
    );
  }

  /** Each new directory is synced into its parent. */
  #makeDirectory(path: string): void {
    const first = mkdirSync(path, { recursive: true, mode: 0o755 });
    if (first === undefined) return;
    for (let made = path; ; made = dirname(made)) {
      syncDirectory(dirname(made));
      if (made === first) return;
    }
  }

  #collect(below: string, depth: number, found: StreamReference[]): void {
    for (const entry of entriesOf(join(this.#directory, below))) {
      const name = below === '' ? entry.name : `${below}/${entry.name}`;
      if (entry.isDirectory() && depth < DEPTH_LIMIT) this.#collect(name, depth + 1, found);
      if (!entry.isSymbolicLink()) continue;
      if (found.length >= COUNT_LIMIT) throw tooMany(this.#directory);
      found.push({ name, target: basename(readlinkSync(join(this.#directory, name))) });
    }
  }
}

function entriesOf(directory: string): readonly Dirent[] {
  try {
    return readdirSync(directory, { withFileTypes: true }).toSorted((a, b) => (a.name < b.name ? -1 : 1));
  } catch (cause) {
    if (errnoOf(cause) === 'ENOENT') return [];
    throw ioError('list references', directory, cause);
  }
}

function tooMany(directory: string): SlipwayError {
  return new SlipwayError(
    'REPOSITORY_INVALID',
    `cannot tell what ${directory} keeps: it has more than ${COUNT_LIMIT} references`,
  );
}
