/** The database of dpkg: `status` and `info/*` (dpkg(1), deb(5)); `status.d` of images made without dpkg. */
import { type ByteString, lookupDirectory } from '@slipway/composefs';
import type { ImageFiles } from '../flat-image/image-files.ts';
import { damaged } from './database-error.ts';
import {
  type InstalledPackage,
  LISTED_FILE_LIMIT,
  PACKAGE_LIMIT,
  type PackageReader,
} from './installed-package.ts';

/** Debian's own place, and the one of images whose `/var` is no part of them. */
const PLACES: readonly ByteString[] = ['usr/lib/sysimage/dpkg', 'var/lib/dpkg'];
const STATUS_LIMIT_BYTES = 256 * 2 ** 20;
const LIST_LIMIT_BYTES = 64 * 2 ** 20;
/** `+deb13u2`, `~deb12u1`: the second or first update of a stable release; Ubuntu's are `ubuntu0.2`, `ubuntu3.1`. */
const STABLE_UPDATE = /[+~]deb\d+u\d|ubuntu\d+\.\d/;

/** Reader of dpkg's database. */
export const dpkgReader: PackageReader = {
  kind: 'dpkg',
  isPart: (path) =>
    PLACES.some((place) => {
      const rest = path.startsWith(`${place}/`) ? path.slice(place.length + 1) : '';
      return rest === 'status' || rest.startsWith('status.d/') || /^info\/[^/]+\.list$/.test(rest);
    }),
  read: readDpkg,
};

async function readDpkg(files: ImageFiles): Promise<readonly InstalledPackage[] | undefined> {
  for (const place of PLACES) {
    const status = await statusText(files, place);
    if (status === undefined) continue;
    const controls = controlNames(files, place);
    const packages: InstalledPackage[] = [];
    let listed = 0;
    for (const fields of installedStanzas(status)) {
      const described = describe(fields);
      const paths = await listedFiles(files, place, described, controls);
      listed += paths.length;
      if (packages.length >= PACKAGE_LIMIT || listed > LISTED_FILE_LIMIT)
        throw damaged('dpkg', 'it is too large');
      packages.push({ ...described, files: paths });
    }
    return packages;
  }
  return undefined;
}

async function statusText(files: ImageFiles, place: ByteString): Promise<string | undefined> {
  const parts: string[] = [];
  const whole = await files.text(`${place}/status`, STATUS_LIMIT_BYTES);
  if (whole !== undefined) parts.push(whole);
  const names = [...(lookupDirectory(files.tree, `${place}/status.d`)?.entries.keys() ?? [])].sort();
  for (const name of names.slice(0, PACKAGE_LIMIT)) {
    if (!name.endsWith('.md5sums')) {
      parts.push((await files.text(`${place}/status.d/${name}`, LIST_LIMIT_BYTES)) ?? '');
    }
  }
  return parts.length === 0 ? undefined : parts.join('\n\n');
}

/** Paragraphs of a status file whose package is installed; one of `status.d` does not say, and is. */
export function* installedStanzas(status: string): Generator<ReadonlyMap<string, string>, void, undefined> {
  for (const paragraph of status.split(/\n[ \t]*\n/)) {
    const fields = new Map<string, string>();
    for (const line of paragraph.split('\n')) {
      const match = /^(?<name>[!-9;-~]+):[ \t]*(?<value>.*)$/.exec(line)?.groups;
      if (match !== undefined) fields.set((match['name'] ?? '').toLowerCase(), (match['value'] ?? '').trim());
    }
    const state = fields.get('status');
    const isInstalled = state === undefined || state.split(/\s+/)[2] === 'installed';
    if (fields.has('package') && isInstalled) yield fields;
  }
}

function describe(fields: ReadonlyMap<string, string>): Omit<InstalledPackage, 'files'> {
  const name = fields.get('package') ?? '';
  const version = fields.get('version') ?? '';
  return {
    name,
    version,
    architecture: fields.get('architecture') ?? '',
    // `Source: glibc (2.41-12)` where the versions differ.
    source: fields.get('source')?.split(/[\s(]/)[0] || name,
    updatedBefore: STABLE_UPDATE.test(version),
  };
}

/** Names in `info/` by what stands before their last dot: `libc6:amd64`. */
function controlNames(files: ImageFiles, place: ByteString): ReadonlyMap<string, readonly string[]> {
  const byPackage = new Map<string, string[]>();
  for (const name of lookupDirectory(files.tree, `${place}/info`)?.entries.keys() ?? []) {
    const base = name.slice(0, Math.max(0, name.lastIndexOf('.')));
    const names = byPackage.get(base);
    if (names === undefined) byPackage.set(base, [name]);
    else names.push(name);
  }
  return byPackage;
}

/**
 * What a package brought, and its own files in `info/` that came with it. Its list of files did not: dpkg writes that
 * when it installs, with the time of that.
 */
async function listedFiles(
  files: ImageFiles,
  place: ByteString,
  { name, architecture }: Omit<InstalledPackage, 'files'>,
  controls: ReadonlyMap<string, readonly string[]>,
): Promise<readonly ByteString[]> {
  const base = controls.has(`${name}:${architecture}`) ? `${name}:${architecture}` : name;
  if (base.includes('/')) throw damaged('dpkg', 'a package has a slash in its name');
  const text = await files.text(`${place}/info/${base}.list`, LIST_LIMIT_BYTES);
  const listed = text?.split('\n').filter((path) => path !== '' && path !== '/.') ?? [];
  const own = (controls.get(base) ?? []).filter((file) => !file.endsWith('.list'));
  return [...listed, ...own.map((file) => `/${place}/info/${file}`)];
}
