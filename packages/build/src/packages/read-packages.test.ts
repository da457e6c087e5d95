import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { isSlipwayError, makeTempDir } from '@slipway/core';
import { layoutSource, type TarInput } from '@slipway/oci';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BodySpool } from '../flat-image/body-spool.ts';
import { flattenImage } from '../flat-image/flatten-image.ts';
import { ImageFiles } from '../flat-image/image-files.ts';
import { file, link, member, writeLayeredImage } from '../testing/layered-image.ts';
import { parseApkDatabase } from './apk.ts';
import { installedStanzas } from './dpkg.ts';
import type { PackageDatabase } from './installed-package.ts';
import { parseSections } from './pacman.ts';
import { isDatabaseFile, readPackages } from './read-packages.ts';
import { readRpmDatabase } from './rpm.ts';
import { RPM_TAG, RpmHeader } from './rpm-header.ts';

/** Reads the packages of an image of these members the way commands do: only database files are kept. */
async function packagesOf(members: readonly TarInput[]): Promise<readonly PackageDatabase[]> {
  await using directory = await makeTempDir('packages');
  const image = await writeLayeredImage(directory.path, 'v1', [members]);
  await using bodies = await BodySpool.open();
  const source = layoutSource(image);
  const flat = await flattenImage(
    source,
    await source.resolve('amd64'),
    { take: (entry) => bodies.add(entry.body, isDatabaseFile(entry.path)) },
    { cacheDir: directory.path },
  );
  return await readPackages(new ImageFiles(flat.tree, bodies));
}

/** A header as rpm lays it out, from texts and numbers by tag. */
function rpmHeader(
  tags: readonly (readonly [number, string | readonly string[] | readonly number[]])[],
): Buffer {
  const index: Buffer[] = [];
  const data: Buffer[] = [];
  let offset = 0;
  for (const [tag, value] of tags) {
    const list = typeof value === 'string' ? [value] : value;
    const isNumbers = typeof list[0] === 'number';
    const bytes = Buffer.concat(
      list.map((each) => {
        if (typeof each === 'string') return Buffer.from(`${each}\0`, 'latin1');
        const number = Buffer.alloc(4);
        number.writeUInt32BE(each);
        return number;
      }),
    );
    const entry = Buffer.alloc(16);
    entry.writeUInt32BE(tag, 0);
    entry.writeUInt32BE(isNumbers ? 4 : typeof value === 'string' ? 6 : 8, 4);
    entry.writeUInt32BE(offset, 8);
    entry.writeUInt32BE(list.length, 12);
    index.push(entry);
    data.push(bytes);
    offset += bytes.length;
  }
  const counts = Buffer.alloc(8);
  counts.writeUInt32BE(index.length, 0);
  counts.writeUInt32BE(offset, 4);
  return Buffer.concat([counts, ...index, ...data]);
}

const GLIBC = rpmHeader([
  [RPM_TAG.name, 'glibc-common'],
  [RPM_TAG.version, '2.42'],
  [RPM_TAG.release, '4.fc43'],
  [RPM_TAG.epoch, [1]],
  [RPM_TAG.architecture, 'x86_64'],
  [RPM_TAG.sourceRpm, 'glibc-2.42-4.fc43.src.rpm'],
  [RPM_TAG.directoryIndexes, [0, 1]],
  [RPM_TAG.baseNames, ['ldd', 'locale.conf']],
  [RPM_TAG.directoryNames, ['/usr/bin/', '/etc/']],
]);

function rpmDatabase(path: string, ...headers: readonly Uint8Array[]): string {
  const database = new DatabaseSync(path);
  database.exec('CREATE TABLE Packages (hnum INTEGER PRIMARY KEY, blob BLOB NOT NULL)');
  const insert = database.prepare('INSERT INTO Packages (blob) VALUES (?)');
  for (const header of headers) insert.run(header);
  database.close();
  return path;
}

describe('packages of an image', () => {
  test('of dpkg: installed ones, their sources, and files of their own in info/', async () => {
    const status = [
      'Package: libc6\nStatus: install ok installed\nSource: glibc (2.41-12)\nArchitecture: amd64\nVersion: 2.41-12+deb13u1\nDescription: text\n with: colons\n .',
      'Package: old\nStatus: deinstall ok config-files\nVersion: 1',
    ].join('\n\n');
    const [database, ...others] = await packagesOf([
      link('var/lib/dpkg', '../../usr/lib/sysimage/dpkg'),
      member('usr/lib/sysimage/dpkg/info/'),
      file('usr/lib/sysimage/dpkg/status', status),
      file('usr/lib/sysimage/dpkg/info/libc6:amd64.list', '/.\n/lib\n/lib/libc.so.6\n'),
      file('usr/lib/sysimage/dpkg/info/libc6:amd64.postinst', '#!/bin/sh\n'),
    ]);
    expect(others).toEqual([]);
    expect(database).toEqual({
      kind: 'dpkg',
      packages: [
        {
          name: 'libc6',
          version: '2.41-12+deb13u1',
          architecture: 'amd64',
          source: 'glibc',
          updatedBefore: true,
          files: ['/lib', '/lib/libc.so.6', '/usr/lib/sysimage/dpkg/info/libc6:amd64.postinst'],
        },
      ],
    });
  });

  test('of an image made without dpkg, one file a package', async () => {
    const [database] = await packagesOf([
      file('var/lib/dpkg/status.d/base', 'Package: base-files\nVersion: 13\nArchitecture: amd64\n'),
      file('var/lib/dpkg/status.d/base.md5sums', '0  etc/x\n'),
    ]);
    expect(database?.packages.map(({ name }) => name)).toEqual(['base-files']);
  });

  test('of rpm', async () => {
    await using directory = await makeTempDir('rpm');
    const path = rpmDatabase(join(directory.path, 'rpmdb.sqlite'), GLIBC);
    const { readFile } = await import('node:fs/promises');
    const bytes = await readFile(path);
    const [database] = await packagesOf([
      member('usr/share/rpm/rpmdb.sqlite', { sizeBytes: bytes.length, body: [bytes] }),
      link('var/lib/rpm', '../../usr/share/rpm'),
    ]);
    expect(database).toEqual({
      kind: 'rpm',
      packages: [
        {
          name: 'glibc-common',
          version: '1:2.42-4.fc43',
          architecture: 'x86_64',
          source: 'glibc',
          updatedBefore: false,
          files: ['/usr/bin/ldd', '/etc/locale.conf'],
        },
      ],
    });
  });

  test('of apk', async () => {
    const installed =
      'C:Q1abc=\nP:musl\nV:1.2.5-r10\nA:x86_64\no:musl\nF:lib\nR:ld-musl-x86_64.so.1\na:0:0:755\nF:usr/lib\nR:libc.so\n\nP:busybox\nV:1\nA:x86_64\n\n';
    const [database] = await packagesOf([file('lib/apk/db/installed', installed)]);
    expect(database?.kind).toBe('apk');
    expect(database?.packages.map(({ name, version, files }) => ({ name, version, files }))).toEqual([
      { name: 'musl', version: '1.2.5-r10', files: ['/lib/ld-musl-x86_64.so.1', '/usr/lib/libc.so'] },
      { name: 'busybox', version: '1', files: [] },
    ]);
  });

  test('of pacman', async () => {
    const place = 'var/lib/pacman/local/bash-5.3-1';
    const [database] = await packagesOf([
      file('var/lib/pacman/local/ALPM_DB_VERSION', '9\n'),
      file(`${place}/desc`, '%NAME%\nbash\n\n%VERSION%\n5.3-1\n\n%BASE%\nbash\n\n%ARCH%\nx86_64\n\n'),
      file(`${place}/files`, '%FILES%\nusr/\nusr/bin/\nusr/bin/bash\n\n%BACKUP%\netc/bash.bashrc\tabc\n\n'),
    ]);
    expect(database).toMatchObject({
      kind: 'pacman',
      packages: [{ name: 'bash', version: '5.3-1', source: 'bash', files: ['/usr/bin/bash'] }],
    });
  });

  test('are none of an image without a database', async () => {
    expect(await packagesOf([file('app', 'x')])).toEqual([]);
  });
});

describe('hostile databases', () => {
  /** Runs a reader over bytes nobody honest wrote: it may succeed, or refuse in its own words. */
  function expectSound(read: () => unknown): void {
    try {
      read();
    } catch (thrown) {
      if (!isSlipwayError(thrown, 'PACKAGE_DATABASE_INVALID')) throw thrown;
    }
  }

  test('of text are read or refused', () => {
    const text = fc.string({
      unit: fc.constantFrom('\n', '%', ':', 'F', 'R', 'P', ' ', '/', 'Package', 'FILES'),
      maxLength: 200,
    });
    fc.assert(
      fc.property(text, (bytes) => {
        expectSound(() => [...parseApkDatabase(bytes)]);
        expectSound(() => [...installedStanzas(bytes)]);
        expectSound(() => parseSections(bytes));
      }),
    );
  });

  test('of rpm headers are read or refused', () => {
    fc.assert(
      fc.property(fc.nat({ max: GLIBC.length - 1 }), fc.nat({ max: 255 }), fc.boolean(), (at, value, cut) => {
        const damaged = Buffer.from(cut ? GLIBC.subarray(0, at) : GLIBC);
        if (!cut) damaged[at] = value;
        expectSound(() => {
          const header = new RpmHeader(damaged);
          for (const tag of Object.values(RPM_TAG)) {
            expectSound(() => header.texts(tag));
            expectSound(() => header.numbers(tag));
          }
        });
      }),
      { numRuns: 1000 },
    );
  });

  test.each([
    [
      'no database at all',
      (path: string): Promise<void> =>
        import('node:fs/promises').then((fs) => fs.writeFile(path, 'x'.repeat(5000))),
    ],
    [
      'one without packages',
      async (path: string): Promise<void> => new DatabaseSync(path).exec('CREATE TABLE Other (a)'),
    ],
    [
      'a package that is text',
      async (path: string): Promise<void> => {
        const database = new DatabaseSync(path);
        database.exec(
          "CREATE TABLE Packages (hnum INTEGER PRIMARY KEY, blob); INSERT INTO Packages VALUES (1, 'x')",
        );
        database.close();
      },
    ],
  ])('of rpm are refused: %s', async (_title, make) => {
    await using directory = await makeTempDir('rpm');
    const path = join(directory.path, 'rpmdb.sqlite');
    await make(path);
    await expect(readRpmDatabase(path)).rejects.toThrow(/cannot read the rpm database/);
  });
});
