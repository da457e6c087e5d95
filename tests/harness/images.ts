/**
 * The images system tests boot: built once with the command itself and kept under build/cache/images, keyed by what goes into them.
 */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '@slipway/core';
import { exclusively } from './exclusively.ts';
import { CACHE, ROOT, slipway } from './slipway.ts';

/** The OCI layout that holds them all. */
const LAYOUT = `${CACHE}/images`;

/** A Debian release there is a base image for. */
export type Release = 'trixie' | 'bookworm';

/** An image of `examples/`: its folder and, where it is not the usual one, its Containerfile. */
export interface Example {
  readonly folder: string;
  readonly containerfile?: string;
}

/** Says what is being made; tests and the demonstration show it. */
export type Say = (line: string) => void;

/** Once for each process: a source edited while tests run must not make them build again in the middle. */
const bases = new Map<Release, Promise<string>>();

/** The base image, as `oci:DIR:TAG`; built when what goes into it has changed. */
export function baseImage(release: Release, say: Say): Promise<string> {
  const known = bases.get(release) ?? buildBase(release, say);
  bases.set(release, known);
  return known;
}

async function buildBase(release: Release, say: Say): Promise<string> {
  const key = await keyOf([
    'os',
    'packages',
    'tools/sea',
    'package-lock.json',
    'tools/node/package-lock.json',
  ]);
  return await made(`base-${release}`, key, async (reference) => {
    await run(['make', '-s', '-C', ROOT, 'sea'], { describe: 'make the single executable', onLine: say });
    await slipway(['base', 'build', '--release', release, '-o', reference], { onLine: say });
  });
}

/** An example built on the trixie base image, as `oci:DIR:TAG`. */
export async function exampleImage(example: Example, say: Say): Promise<string> {
  const base = await baseImage('trixie', say);
  const folder = `examples/${example.folder}`;
  const containerfile = `${folder}/${example.containerfile ?? 'Containerfile'}`;
  const tag = containerfile
    .replace(/^examples\//, '')
    .replaceAll(/[^a-z0-9]+/gi, '-')
    .toLowerCase();
  const key = `${await readFile(stampOf(base.split(':').at(-1) ?? ''), 'utf8')} ${await keyOf([folder])}`;
  return await made(tag, key, (reference) =>
    slipway(['build', '-f', containerfile, '--build-arg', `BASE=${base}`, '-t', reference, folder], {
      onLine: say,
    }),
  );
}

/** What the trixie base image was some builds ago, as `oci:DIR:TAG`: another build, some packages of other versions. */
export async function earlierBaseImage(say: Say): Promise<string> {
  const base = await baseImage('trixie', say);
  const containerfile = 'tests/harness/earlier-base.Containerfile';
  const key = `${await readFile(stampOf('base-trixie'), 'utf8')} ${await keyOf([containerfile])}`;
  return await made('base-trixie-earlier', key, (reference) =>
    slipway(['build', '-f', containerfile, '--build-arg', `BASE=${base}`, '-t', reference, 'tests/harness'], {
      onLine: say,
    }),
  );
}

/** The web application with a required health check that fails, as `oci:DIR:TAG`. */
export async function failingRelease(say: Say): Promise<string> {
  const base = await exampleImage({ folder: 'web-application' }, say);
  const containerfile = 'tests/harness/failing-release.Containerfile';
  const stamp = await readFile(stampOf(base.split(':').at(-1) ?? ''), 'utf8');
  const key = `${stamp} ${await keyOf([containerfile, 'tests/harness/failing-check.sh'])}`;
  return await made('failing-release', key, (reference) =>
    slipway(['build', '-f', containerfile, '--build-arg', `BASE=${base}`, '-t', reference, 'tests/harness'], {
      onLine: say,
    }),
  );
}

/** A release of a host for the tests of faults, as `oci:DIR:TAG`: releases differ in `/usr`, in `/etc` and in what they boot. */
export async function faultRelease(version: number, say: Say): Promise<string> {
  return await onBase(
    `fault-release-${version}`,
    'tests/faults/release.Containerfile',
    { VERSION: version },
    say,
  );
}

/** A release that a soft reboot can lead to from its others, as `oci:DIR:TAG`. */
export async function userspaceRelease(version: number, say: Say): Promise<string> {
  const containerfile = 'tests/faults/userspace.Containerfile';
  return await onBase(`userspace-${version}`, containerfile, { VERSION: version }, say);
}

/** An app, and a configuration extension, each as `oci:DIR:TAG`. */
export async function appImages(say: Say): Promise<{ readonly app: string; readonly site: string }> {
  return {
    app: await onBase('app', 'tests/faults/app.Containerfile', {}, say),
    site: await onBase('site', 'tests/faults/site.Containerfile', {}, say),
  };
}

/** What is wrong with a release, each in its own way. */
export const BAD_RELEASES = [
  'required-check-fails',
  'kernel-panics',
  'initramfs-hangs',
  'service-eats-memory',
  'systemd-missing',
] as const;

/** One of them. */
export type BadRelease = (typeof BAD_RELEASES)[number];

/** A release that does not come up, as `oci:DIR:TAG`. */
export async function badRelease(kind: BadRelease, say: Say): Promise<string> {
  const containerfile = 'tests/faults/bad-release.Containerfile';
  return await onBase(`bad-release-${kind}`, containerfile, { KIND: kind }, say, [
    'tests/faults/bad-release.sh',
  ]);
}

/** A host whose initramfs opens encrypted volumes, volume groups and arrays, as `oci:DIR:TAG`. */
export async function storageImage(say: Say): Promise<string> {
  return await onBase('storage', 'tests/faults/storage.Containerfile', {}, say);
}

/** A later release of it, with another kernel to start, as `oci:DIR:TAG`. */
export async function storageRelease(version: number, say: Say): Promise<string> {
  const containerfile = 'tests/faults/release.Containerfile';
  const values = { VERSION: version };
  return await onImage(await storageImage(say), `storage-release-${version}`, containerfile, values, say);
}

/** An image of one Containerfile of `tests/faults` on the trixie base image. */
async function onBase(
  tag: string,
  containerfile: string,
  values: Readonly<Record<string, number | string>>,
  say: Say,
  copied: readonly string[] = [],
): Promise<string> {
  return await onImage(await baseImage('trixie', say), tag, containerfile, values, say, copied);
}

/** The same on an image of this layout. */
async function onImage(
  base: string,
  tag: string,
  containerfile: string,
  values: Readonly<Record<string, number | string>>,
  say: Say,
  copied: readonly string[] = [],
): Promise<string> {
  const given = Object.entries({ BASE: base, ...values }).map(([name, value]) => `${name}=${value}`);
  const below = await readFile(stampOf(base.split(':').at(-1) ?? ''), 'utf8');
  const key = `${below} ${await keyOf([containerfile, ...copied])}`;
  const build = ['build', '-f', containerfile, ...given.flatMap((value) => ['--build-arg', value])];
  return await made(tag, key, (reference) =>
    slipway([...build, '-t', reference, 'tests/faults'], { onLine: say }),
  );
}

async function made(
  tag: string,
  key: string,
  make: (reference: string) => Promise<unknown>,
): Promise<string> {
  const reference = `oci:${LAYOUT}:${tag}`;
  const stamp = stampOf(tag);
  await exclusively('images', async () => {
    if (existsSync(stamp) && (await readFile(stamp, 'utf8')) === key) return;
    await mkdir(LAYOUT, { recursive: true });
    await make(reference);
    await writeFile(stamp, key);
  });
  return reference;
}

function stampOf(tag: string): string {
  return join(CACHE, `${tag}.stamp`);
}

/** A digest over files and everything below folders, tests and dependencies left out. */
async function keyOf(paths: readonly string[]): Promise<string> {
  const hash = createHash('sha256');
  for (const path of paths) await addToKey(hash, join(ROOT, path));
  return hash.digest('hex');
}

async function addToKey(hash: ReturnType<typeof createHash>, path: string): Promise<void> {
  const entries = await readdir(path, { withFileTypes: true }).catch(() => undefined);
  if (entries === undefined) {
    hash.update(path.slice(ROOT.length)).update(await readFile(path));
    return;
  }
  for (const entry of entries.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    if (entry.name === 'node_modules' || entry.name === 'build' || entry.name.endsWith('.test.ts')) continue;
    await addToKey(hash, join(path, entry.name));
  }
}
