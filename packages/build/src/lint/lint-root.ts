/** Reading the root file system of an image: links lead nowhere outside it, names are bytes held as latin1. */
import { constants, type Dirent, type Stats } from 'node:fs';
import { lstat, open, readdir, readlink } from 'node:fs/promises';
import { errnoOf, SlipwayError } from '@slipway/core';

/** What stands at a path. */
export type LintKind = 'directory' | 'file' | 'symlink' | 'other';

/** One thing met on a walk. */
export interface LintEntry {
  /** Without a leading slash. */
  readonly path: string;
  readonly kind: LintKind;
}

const LINKS_LIMIT = 40;
const TEXT_LIMIT_BYTES = 16 * 2 ** 20;

/** A tree to be checked. Paths are given without a leading slash. */
export class LintRoot {
  /** Where it is; `/` is the root of this machine, or of the container this runs in. */
  readonly directory: string;

  constructor(directory: string) {
    this.directory = directory;
  }

  /** What is there; a link is a link. */
  async kind(path: string): Promise<LintKind | undefined> {
    const found = await this.#find(path, false);
    return found === undefined ? undefined : kindOf(found.stats);
  }

  /** What is there when links are followed, within the tree. */
  async kindFollowed(path: string): Promise<LintKind | undefined> {
    const found = await this.#find(path, true);
    return found === undefined ? undefined : kindOf(found.stats);
  }

  /** Whether another file system is mounted there. */
  async isMounted(path: string): Promise<boolean> {
    const found = await this.#find(path, true);
    return found !== undefined && found.stats.dev !== (await lstat(this.#place(''))).dev;
  }

  /** Where a link points, as it is written; undefined for anything else. */
  async linkTarget(path: string): Promise<string | undefined> {
    const found = await this.#find(path, false);
    return found?.stats.isSymbolicLink() === true
      ? await readlink(this.#place(found.path), 'latin1')
      : undefined;
  }

  /** Size of a file; undefined for anything else. */
  async sizeBytes(path: string): Promise<number | undefined> {
    const found = await this.#find(path, true);
    return found?.stats.isFile() === true ? found.stats.size : undefined;
  }

  /** Names in a directory, sorted; none when there is no directory. */
  async names(path: string): Promise<readonly string[]> {
    const found = await this.#find(path, true);
    if (found?.stats.isDirectory() !== true) return [];
    return (await readdir(this.#place(found.path), { encoding: 'latin1' })).sort();
  }

  /**
   * The text of a file; undefined when there is no file.
   *
   * @throws SlipwayError IO_FAILED when it is larger than any file that is meant to be read
   */
  async text(path: string): Promise<string | undefined> {
    const found = await this.#find(path, true);
    if (found?.stats.isFile() !== true) return undefined;
    if (found.stats.size > TEXT_LIMIT_BYTES) {
      throw new SlipwayError('IO_FAILED', `cannot check ${path}: it has ${found.stats.size} bytes`);
    }
    // What was a file just now must not keep anyone waiting as a pipe.
    await using file = await open(this.#place(found.path), constants.O_RDONLY | constants.O_NONBLOCK);
    return await file.readFile('utf8');
  }

  /** Everything below a directory, parents first. What is mounted there is left out, but for the directory it is mounted on. */
  async *walk(path: string): AsyncGenerator<LintEntry, void, undefined> {
    const found = await this.#find(path, true);
    if (found?.stats.isDirectory() === true) yield* this.#walk(found.path, found.stats.dev);
  }

  async *#walk(path: string, device: number): AsyncGenerator<LintEntry, void, undefined> {
    const entries = await readdir(this.#place(path), { withFileTypes: true, encoding: 'buffer' });
    for (const entry of entries.sort((a, b) => Buffer.compare(a.name, b.name))) {
      const below = joined(path, entry.name.toString('latin1'));
      yield { path: below, kind: kindOf(entry) };
      if (!entry.isDirectory()) continue;
      const stats = await lstat(this.#place(below));
      if (stats.dev === device) yield* this.#walk(below, device);
    }
  }

  async #find(
    path: string,
    follow: boolean,
  ): Promise<{ readonly path: string; readonly stats: Stats } | undefined> {
    const left = parts(path);
    const real: string[] = [];
    let stats = await lstat(this.#place(''));
    let links = 0;
    for (let name = left.shift(); name !== undefined; name = left.shift()) {
      if (name === '..') {
        real.pop();
        continue;
      }
      const here = joined(real.join('/'), name);
      const next = await this.#lstat(here);
      if (next === undefined) return undefined;
      if (next.isSymbolicLink() && (follow || left.length > 0)) {
        links += 1;
        if (links > LINKS_LIMIT) return undefined;
        const target = await readlink(this.#place(here), 'latin1');
        if (target.startsWith('/')) real.length = 0;
        left.unshift(...parts(target));
        stats = await lstat(this.#place(real.join('/')));
        continue;
      }
      real.push(name);
      stats = next;
    }
    return { path: real.join('/'), stats };
  }

  async #lstat(path: string): Promise<Stats | undefined> {
    try {
      return await lstat(this.#place(path));
    } catch (thrown) {
      const code = errnoOf(thrown);
      if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
      throw thrown;
    }
  }

  #place(path: string): Buffer {
    const root = Buffer.from(this.directory.replace(/\/+$/, ''), 'utf8');
    return Buffer.concat([root, Buffer.from('/'), Buffer.from(path, 'latin1')]);
  }
}

function parts(path: string): string[] {
  return path.split('/').filter((part) => part !== '' && part !== '.');
}

function joined(directory: string, name: string): string {
  return directory === '' ? name : `${directory}/${name}`;
}

function kindOf(stats: Pick<Stats | Dirent<Buffer>, 'isDirectory' | 'isFile' | 'isSymbolicLink'>): LintKind {
  if (stats.isDirectory()) return 'directory';
  if (stats.isFile()) return 'file';
  return stats.isSymbolicLink() ? 'symlink' : 'other';
}
