/** The database of rpm since 4.16, SQLite: the table `Packages` holds one header for each package. */
import { rm } from 'node:fs/promises';
import type { DatabaseSync } from 'node:sqlite';
import type { ByteString } from '@slipway/composefs';
import type { ImageFiles } from '../flat-image/image-files.ts';
import { damaged } from './database-error.ts';
import {
  type InstalledPackage,
  LISTED_FILE_LIMIT,
  PACKAGE_LIMIT,
  type PackageReader,
} from './installed-package.ts';
import { RPM_TAG, RpmHeader } from './rpm-header.ts';

const PLACES: readonly ByteString[] = [
  'usr/lib/sysimage/rpm/rpmdb.sqlite',
  'usr/share/rpm/rpmdb.sqlite',
  'var/lib/rpm/rpmdb.sqlite',
];
const LIMIT_BYTES = 4 * 2 ** 30;

/** Reader of rpm's database. */
export const rpmReader: PackageReader = {
  kind: 'rpm',
  isPart: (path) => PLACES.includes(path),
  read: readRpm,
};

async function readRpm(files: ImageFiles): Promise<readonly InstalledPackage[] | undefined> {
  for (const place of PLACES) {
    const copy = await files.copy(place, LIMIT_BYTES);
    if (copy === undefined) continue;
    try {
      return await readRpmDatabase(copy);
    } finally {
      for (const suffix of ['', '-wal', '-shm']) await rm(`${copy}${suffix}`, { force: true });
    }
  }
  return undefined;
}

/** The packages of an `rpmdb.sqlite`, in the order they were installed. */
export async function readRpmDatabase(path: string): Promise<readonly InstalledPackage[]> {
  // Loaded for the images that have one: it is large.
  const { DatabaseSync } = await import('node:sqlite');
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(path, { readOnly: true });
    // What a hostile file may define is not to be run.
    database.exec('PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON');
    return [...packagesIn(database)];
  } catch (cause) {
    if (cause instanceof Error && 'errcode' in cause) throw damaged('rpm', cause.message, cause);
    throw cause;
  } finally {
    database?.close();
  }
}

function* packagesIn(database: DatabaseSync): Generator<InstalledPackage, void, undefined> {
  let count = 0;
  let listed = 0;
  for (const row of database.prepare('SELECT blob FROM Packages ORDER BY hnum').iterate()) {
    const blob = row['blob'];
    if (!(blob instanceof Uint8Array)) throw damaged('rpm', 'a package has no header');
    const found = describe(new RpmHeader(blob));
    count += 1;
    listed += found.files.length;
    if (count > PACKAGE_LIMIT || listed > LISTED_FILE_LIMIT) throw damaged('rpm', 'it is too large');
    yield found;
  }
}

function describe(header: RpmHeader): InstalledPackage {
  const name = header.text(RPM_TAG.name);
  const epoch = header.numbers(RPM_TAG.epoch)[0];
  const version = `${header.text(RPM_TAG.version)}-${header.text(RPM_TAG.release)}`;
  return {
    name,
    version: epoch === undefined ? version : `${epoch}:${version}`,
    architecture: header.text(RPM_TAG.architecture),
    // `glibc-2.40-3.fc42.src.rpm`: the name is all but the last two parts.
    source: /^(?<name>.+)-[^-]+-[^-]+$/.exec(header.text(RPM_TAG.sourceRpm))?.groups?.['name'] ?? name,
    updatedBefore: false,
    files: filesOf(header),
  };
}

function filesOf(header: RpmHeader): readonly ByteString[] {
  const directories = header.texts(RPM_TAG.directoryNames);
  const indexes = header.numbers(RPM_TAG.directoryIndexes);
  return header.texts(RPM_TAG.baseNames).map((name, index) => {
    const directory = directories[indexes[index] ?? -1];
    if (directory === undefined) throw damaged('rpm', 'a file is in no directory');
    return `${directory}${name}`;
  });
}
