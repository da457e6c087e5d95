/** The local database of pacman: a directory for each package, with `desc` and `files` (alpm's local database). */
import { type ByteString, lookupDirectory } from '@slipway/composefs';
import type { ImageFiles } from '../flat-image/image-files.ts';
import { damaged } from './database-error.ts';
import {
  type InstalledPackage,
  LISTED_FILE_LIMIT,
  PACKAGE_LIMIT,
  type PackageReader,
} from './installed-package.ts';

const PLACES: readonly ByteString[] = [
  'usr/lib/sysimage/lib/pacman/local',
  'usr/lib/sysimage/pacman/local',
  'usr/lib/pacman/local',
  'var/lib/pacman/local',
];
const LIMIT_BYTES = 64 * 2 ** 20;

/** Reader of pacman's database. */
export const pacmanReader: PackageReader = {
  kind: 'pacman',
  isPart: (path) =>
    PLACES.some(
      (place) => path.startsWith(`${place}/`) && /^[^/]+\/(?:desc|files)$/.test(path.slice(place.length + 1)),
    ),
  read: readPacman,
};

async function readPacman(files: ImageFiles): Promise<readonly InstalledPackage[] | undefined> {
  for (const place of PLACES) {
    const directory = lookupDirectory(files.tree, place);
    if (directory === undefined) continue;
    const packages: InstalledPackage[] = [];
    let listed = 0;
    for (const entry of [...directory.entries.keys()].sort()) {
      const described = await readEntry(files, `${place}/${entry}`);
      if (described === undefined) continue;
      listed += described.files.length;
      if (packages.length >= PACKAGE_LIMIT || listed > LISTED_FILE_LIMIT)
        throw damaged('pacman', 'it is too large');
      packages.push(described);
    }
    return packages;
  }
  return undefined;
}

async function readEntry(files: ImageFiles, path: ByteString): Promise<InstalledPackage | undefined> {
  const desc = await files.text(`${path}/desc`, LIMIT_BYTES);
  if (desc === undefined) return undefined;
  const fields = parseSections(desc);
  const first = (name: string): string => fields.get(name)?.[0] ?? '';
  const name = first('NAME');
  if (name === '') return undefined;
  const list = parseSections((await files.text(`${path}/files`, LIMIT_BYTES)) ?? '').get('FILES') ?? [];
  return {
    name,
    version: first('VERSION'),
    architecture: first('ARCH'),
    source: first('BASE') === '' ? name : first('BASE'),
    updatedBefore: false,
    files: list.filter((file) => !file.endsWith('/')).map((file) => `/${file}`),
  };
}

/** `%NAME%`, then lines of values up to an empty one. */
export function parseSections(text: string): ReadonlyMap<string, readonly string[]> {
  const sections = new Map<string, string[]>();
  let values: string[] | undefined;
  for (const line of text.split('\n')) {
    const name = /^%(?<name>[A-Z0-9]+)%$/.exec(line)?.groups?.['name'];
    if (name !== undefined) {
      values = [];
      sections.set(name, values);
    } else if (line === '') {
      values = undefined;
    } else {
      values?.push(line);
    }
  }
  return sections;
}
