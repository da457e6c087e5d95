/** One machine's story for the tests: three versions of an image and what its administrator does. */
import { chmod, mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { bootEntryOptions, readBootEntries } from '@slipway/boot';
import { layoutSource, parseReference, type WholeImageSource } from '@slipway/oci';
import { recordBoot } from '../booted.ts';
import { readHistory } from '../history.ts';
import { boot, installHost, partsOf, type TestHost } from './test-host.ts';
import { BOOTABLE, type TestImage } from './test-image.ts';

const LONG = 'a line longer than what is kept inside the image itself, so that it is an object\n';

export const V1: TestImage = {
  tag: 'stable',
  version: '1',
  files: {
    ...BOOTABLE,
    'usr/lib/bootc': { directory: 0o755 },
    'usr/lib/bootc/kargs.d': { directory: 0o755 },
    'usr/lib/bootc/kargs.d/10.toml': 'kargs = ["quiet"]\n',
    'etc/default': 'v1',
    'etc/long': `${LONG}v1`,
    'etc/edited': 'v1',
    'etc/deleted': 'v1',
    'etc/secret': { text: 'v1', mode: 0o600 },
    'etc/link': { link: '/usr/v1' },
    'etc/sub': { directory: 0o750 },
    'etc/sub/a': 'v1',
  },
};

export const V2: TestImage = {
  tag: 'stable',
  version: '2',
  files: {
    ...V1.files,
    'usr/lib/modules/6.12/vmlinuz': 'newer kernel '.repeat(100),
    'usr/lib/bootc/kargs.d/10.toml': 'kargs = ["splash", "loglevel=4"]\nmatch-architectures = ["x86_64"]\n',
    'etc/default': 'v2',
    'etc/long': `${LONG}v2`,
    'etc/edited': 'v2',
    'etc/deleted': 'v2',
    'etc/secret': { text: 'v2', mode: 0o640 },
    'etc/link': { link: '/usr/v2' },
    'etc/sub/b': 'v2',
  },
};

/** The same kernel as V2. */
export const V3: TestImage = {
  tag: 'stable',
  version: '3',
  files: { ...V2.files, 'etc/default': 'v3' },
};

/** A host with V1, booted and recorded. */
export async function installed(directory: string): Promise<TestHost> {
  await installHost(directory, V1);
  const host = await boot(directory);
  await recordBoot(host);
  return host;
}

/** What an administrator does to /etc: edits, adds, deletes. */
export async function editEtc(host: TestHost): Promise<void> {
  await writeFile(join(host.etc, 'edited'), 'mine');
  await writeFile(join(host.etc, 'added'), LONG);
  await chmod(join(host.etc, 'added'), 0o4711);
  await mkdir(join(host.etc, 'sub/local'));
  await writeFile(join(host.etc, 'sub/local/file'), 'mine');
  await symlink('../over/there', join(host.etc, 'sub/local/link'));
  await writeFile(join(host.etc, '.updated'), 'stamp');
  await rm(join(host.etc, 'deleted'));
}

/** Every regular file of /etc with its text. */
export async function etcOf(host: TestHost): Promise<Readonly<Record<string, string>>> {
  const names = (await readdir(host.etc, { recursive: true, withFileTypes: true })).filter((entry) =>
    entry.isFile(),
  );
  const pairs = names.map(async (entry) => {
    const path = join(entry.parentPath, entry.name);
    return [path.slice(host.etc.length + 1), (await readFile(path, 'utf8')).replace(LONG, 'LONG')] as const;
  });
  return Object.fromEntries((await Promise.all(pairs)).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

/** V1 as edited. */
export const ETC_V1_EDITED = {
  '.updated': 'stamp',
  added: 'LONG',
  default: 'v1',
  edited: 'mine',
  long: 'LONGv1',
  secret: 'v1',
  'sub/a': 'v1',
  'sub/local/file': 'mine',
};
/** The same edits over V2. */
export const ETC_V2_MERGED = {
  added: 'LONG',
  default: 'v2',
  edited: 'mine',
  long: 'LONGv2',
  secret: 'v2',
  'sub/a': 'v1',
  'sub/b': 'v2',
  'sub/local/file': 'mine',
};

/** What the history tells, oldest first. */
export async function events(host: TestHost): Promise<readonly string[]> {
  return (await readHistory(host.layout.history)).map(({ event }) => event);
}

/** Kernel command line of the next boot. */
export async function optionsOfNext(directory: string): Promise<string> {
  const [first] = (await readBootEntries(partsOf(directory).esp)).entries;
  return first === undefined ? '' : bootEntryOptions(first.entry);
}

/** Where the images of a host are. */
export function sourceOf(host: TestHost): WholeImageSource {
  const reference = parseReference(`oci:${partsOf(host.directory).images}:stable`);
  if (reference.kind !== 'oci') throw new Error('a test image is in a layout');
  return layoutSource(reference);
}
