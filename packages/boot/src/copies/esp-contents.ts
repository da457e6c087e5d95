/** What stands on a boot partition, file by file, to tell two of them apart. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { bootEntryFiles } from '../entry.ts';
import { readBootEntries } from '../esp.ts';
import { COPY_VERSION_PATH } from './copy-version.ts';

/** A file of a boot partition. */
export interface EspFile {
  /** From its root, without `/` at the beginning. */
  readonly path: string;
  readonly sizeBytes: number;
  /** SHA-256; empty of a file that is large and was not to be read. */
  readonly sum: string;
}

/** Files by their paths in lower case: FAT does not tell case apart. */
export type EspFiles = ReadonlyMap<string, EspFile>;

/** A boot partition that was read. */
export interface EspContents {
  /** Where it is mounted. */
  readonly esp: string;
  readonly files: EspFiles;
  /** What its entries start, whether it is there or not, as paths in lower case. */
  readonly started: ReadonlySet<string>;
}

/** Kernels are called by what is in them, and fill most of a partition: they are read only where all is to be looked at. */
const QUICK_BYTES = 1024 ** 2;
/** The boot loader makes a new one at every start; two machines, or one after the other, must not begin with the same. */
const OWN_FILES: readonly string[] = ['loader/random-seed', COPY_VERSION_PATH];

/**
 * Lists every file that copies of a partition have in common; what is half written (`.name.tmp`) is none.
 *
 * @param thorough read large files as well
 */
export async function readEspContents(
  esp: string,
  { thorough }: { readonly thorough: boolean },
): Promise<EspContents> {
  const files = new Map<string, EspFile>();
  for (const path of await listFiles(esp, '')) {
    if (OWN_FILES.includes(path.toLowerCase())) continue;
    const { size: sizeBytes } = await stat(join(esp, path));
    const sum = thorough || sizeBytes <= QUICK_BYTES ? await sumOf(join(esp, path)) : '';
    files.set(path.toLowerCase(), { path, sizeBytes, sum });
  }
  const { entries } = await readBootEntries(esp);
  const started = entries.flatMap(({ entry }) => bootEntryFiles(entry));
  return { esp, files, started: new Set(started.map((path) => path.replace(/^\/+/, '').toLowerCase())) };
}

/** One digest for all files. */
export function espSum({ files }: EspContents): string {
  const lines = [...files.values()].map(({ path, sizeBytes, sum }) => `${path}\0${sizeBytes}\0${sum}\n`);
  return createHash('sha256').update(lines.toSorted().join('')).digest('hex');
}

async function listFiles(esp: string, directory: string): Promise<readonly string[]> {
  const found: string[] = [];
  for (const entry of await readdir(join(esp, directory), { withFileTypes: true })) {
    if (entry.name.startsWith('.')) continue;
    const path = join(directory, entry.name);
    if (entry.isDirectory()) found.push(...(await listFiles(esp, path)));
    else if (entry.isFile()) found.push(path);
  }
  return found;
}

async function sumOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}
