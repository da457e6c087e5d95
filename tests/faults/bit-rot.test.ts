/**
 * A disk that forgets: one bit turned over in every kind of file a host needs to boot. `slipway fsck` must find each and name it, and with
 * `--repair` put back the very bytes, from the registry where they are only there; where it cannot, say what to do.
 */
import { existsSync } from 'node:fs';
import { chmod, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import {
  bootEntryOptions,
  type LoaderNames,
  loaderNames,
  makeDirectoryDurably,
  readBootEntries,
} from '@slipway/boot';
import { SlipwayError, type TempDir } from '@slipway/core';
import {
  type FsckResult,
  finalizeStaged,
  fsckHost,
  readHistory,
  recordBoot,
  stageUpdate,
} from '@slipway/host';
import { openImage, parseReference } from '@slipway/oci';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type DeniedImage, writeDenied } from '../../packages/host/src/denied.ts';
import { writeExpected } from '../../packages/host/src/expected.ts';
import { type StagedUpdate, writeStaged } from '../../packages/host/src/staged.ts';
import {
  bless,
  boot,
  hostDir,
  installHost,
  partsOf,
  type TestHost,
} from '../../packages/host/src/testing/test-host.ts';
import { type TestImage, writeTestImage } from '../../packages/host/src/testing/test-image.ts';
import { INSTALLED, UPDATED } from '../harness/host-images.ts';
import { startRegistry, type TestRegistry } from '../harness/registry.ts';
import { slipway } from '../harness/slipway.ts';
import { diceOf } from './power-cut/plan-cuts.ts';
import { type FaultRow, IS_QUICK, report, row, SEED } from './results.ts';

/** Of small texts one byte in so many, from the first to the last. */
const TEXT_STEP = IS_QUICK ? 41 : 5;
/** Of larger files so many bytes, chosen by chance. */
const FLIPS = IS_QUICK ? 2 : 12;

/** One byte of a file with one bit turned over. */
interface Flip {
  readonly path: string;
  readonly offset: number;
  readonly bit: number;
}

interface Counted {
  readonly tried: number;
  readonly detected: number;
  readonly repaired: number;
}

const LOADER = loaderNames('amd64') as LoaderNames;
const LOADER_BYTES = 'boot loader '.repeat(8000);

const dice = diceOf(SEED);
const rows: FaultRow[] = [];
const counts: Record<string, Counted> = {};
let dir: TempDir;
let registry: TestRegistry;
let host: TestHost;

beforeAll(async () => {
  dir = await hostDir('bit-rot');
  registry = await startRegistry();
  host = await hostOfRegistry(dir.path);
});

afterAll(async () => {
  const of = (one: keyof Counted): number => Object.values(counts).reduce((sum, each) => sum + each[one], 0);
  const [tried, detected, repaired] = [of('tried'), of('detected'), of('repaired')];
  const bitRot = { tried, detected, repaired, lost: tried - repaired, kinds: counts };
  await report('bit-rot', { rows, json: { bitRot } });
  await registry?.[Symbol.asyncDispose]();
  await dir?.[Symbol.asyncDispose]();
});

test('in the objects of the store', async () => {
  const images = new Set(await imageObjects());
  const objects = (await filesBelow(join(host.layout.composefs, 'objects'))).filter(
    (path) => !images.has(path),
  );
  expect(objects.length).toBeGreaterThan(10);
  const flips = await Promise.all(objects.map((path) => someFlips(path, IS_QUICK ? 1 : 2)));
  await survive('objects', flips.flat(), digestOf);
});

test('in the images of the deployments', async () => {
  const flips = await Promise.all((await imageObjects()).map((path) => someFlips(path, FLIPS)));
  await survive('images', flips.flat(), digestOf);
});

test('in the files that say where a deployment came from', async () => {
  const flips = await Promise.all(
    (await deployments()).map((id) => flipsAlong(host.layout.deployment(id).origin)),
  );
  await survive('origins', flips.flat(), (path) => path);
});

test('in the entries of the boot loader', async () => {
  const entries = await filesBelow(join(host.esp, 'loader/entries'));
  expect(entries.length).toBe(2);
  const flips = await Promise.all(entries.map(flipsAlong));
  await survive('bootEntries', flips.flat(), (path) => basename(path));
});

test('in kernels and initramfs images of the boot partition', async () => {
  const kernels = await filesBelow(join(host.esp, 'EFI/Linux'));
  expect(kernels.length).toBe(4);
  const flips = await Promise.all(kernels.map((path) => someFlips(path, FLIPS)));
  await survive('esp', flips.flat(), (path) => dirname(path).slice(host.esp.length));
});

test('in both copies of the boot loader', async () => {
  const { installed, removable } = LOADER;
  const flips = await Promise.all(
    [installed, removable].map((path) => someFlips(join(host.esp, path), FLIPS)),
  );
  await survive('bootLoader', flips.flat(), (path) => path.slice(host.esp.length));
});

test('in the record of what the store is', async () => {
  const path = join(host.layout.composefs, 'meta.json');
  await survive('meta', await flipsAlong(path), (name) => name);
});

test('in the records of the host', async () => {
  const { staged, expected, denied } = host.layout;
  const other = 'cd'.repeat(32);
  const previous = host.bootedId;
  const write: Readonly<Record<string, () => Promise<void>>> = {
    [staged]: () => writeStaged(staged, { ...STAGED, deployment: other, previous }),
    [expected]: () => writeExpected(expected, { deployment: other, previous, because: 'upgrade' }),
    [denied]: () => writeDenied(denied, [{ ...DENIED, deployment: other }]),
  };
  for (const [path, make] of Object.entries(write)) {
    await make();
    await setAside(`records: ${basename(path)}`, path, await flipsAlong(path), make);
    await rm(path, { force: true });
    await rm(`${path}.damaged`);
  }
});

test('in the lines of the history', async () => {
  const { history } = host.layout;
  const before = await readFile(history);
  // It tells of all the repairs until now.
  const flips = await someFlips(history, FLIPS * 5);
  await setAside('history', history, flips, () => writeFile(history, before));
  await rm(`${history}.damaged`);
});

test('that cannot be repaired is named, with what to do, and nothing is made worse', async () => {
  const openSource = (): never => {
    throw new SlipwayError('OCI_REGISTRY_FAILED', 'cannot reach the registry');
  };
  const [image = ''] = await imageObjects();
  const flipped = await turnOver((await someFlips(image, 1))[0] as Flip);
  const { kind, findings } = await fsckHost(host, { repair: true, openSource });
  expect(kind).toBe('damaged');
  expect(findings.find(({ name }) => name === digestOf(image))?.message).toMatch(
    /not repaired: cannot reach the registry; repair again once its images can be reached/,
  );
  await flipped.restore();

  const { origin } = host.layout.deployment(host.bootedId);
  const history = await readFile(host.layout.history);
  await rm(host.layout.history);
  const lost = await turnOver({ path: origin, offset: 30, bit: 1 });
  const result = await repaired();
  expect(result.findings.find(({ name }) => name === origin)?.message).toMatch(/switch to the image again/);
  await lost.restore();
  await writeFile(host.layout.history, history);
  expect(await checked()).toEqual({ kind: 'clean', findings: [] });
});

/** Turns bits over, one after the other; each must be found under its name, and what it was must be there again after a repair. */
async function survive(
  kind: string,
  flips: readonly Flip[],
  nameOf: (path: string) => string,
): Promise<void> {
  const startMs = performance.now();
  const counted = { tried: 0, detected: 0, repaired: 0 };
  const problems: string[] = [];
  for (const flip of flips) {
    const flipped = await turnOver(flip);
    const { findings } = await checked();
    const isNamed = findings.some(({ name }) => name === nameOf(flip.path));
    const result = await repaired();
    const isBack = result.kind === 'repaired' && (await isMended(flip.path, flipped.before));
    counted.tried += 1;
    if (isNamed) counted.detected += 1;
    if (isBack) counted.repaired += 1;
    if (!isNamed || !isBack) {
      problems.push(
        `${flip.path} at ${flip.offset}, bit ${flip.bit}: ${isNamed ? result.kind : 'not found'}`,
      );
      await flipped.restore();
      await repaired();
    }
  }
  counts[kind] = counted;
  rows.push(row(`bit rot: ${kind}`, counted.tried, counted.tried - counted.repaired, startMs));
  expect(problems).toEqual([]);
  expect(await checked()).toEqual({ kind: 'clean', findings: [] });
  expect((await boot(dir.path)).bootedId).toBe(host.bootedId);
}

/**
 * Turns bits over in what nothing else vouches for: each must be found under its name, never be taken for what was written, and a repair
 * must leave a host without it, which says so.
 *
 * @param make writes it as it was
 */
async function setAside(
  kind: string,
  path: string,
  flips: readonly Flip[],
  make: () => Promise<void>,
): Promise<void> {
  const startMs = performance.now();
  const counted = { tried: 0, detected: 0, repaired: 0 };
  const problems: string[] = [];
  for (const flip of flips) {
    await turnOver(flip);
    const isNamed = (await checked()).findings.some(({ name }) => name === path);
    const result = await repaired();
    const [said] = (await readHistory(host.layout.history)).slice(-2);
    const isTold = said?.event === 'repaired' && said.reason?.includes(path) === true;
    const isGood = result.kind === 'repaired' && isTold && (await checked()).kind === 'clean';
    counted.tried += 1;
    if (isNamed) counted.detected += 1;
    if (isGood) counted.repaired += 1;
    if (!isNamed || !isGood) problems.push(`${path} at ${flip.offset}, bit ${flip.bit}: ${result.kind}`);
    await make();
  }
  counts[kind] = counted;
  rows.push(row(`bit rot: ${kind}`, counted.tried, counted.tried - counted.repaired, startMs));
  expect(problems).toEqual([]);
}

const STAGED: StagedUpdate = {
  deployment: '',
  previous: '',
  sequence: 9,
  title: 'Test',
  kernelDirectory: '/EFI/Linux/none',
  options: 'rw quiet',
  etcPolicy: 'ours',
  etcConflicts: [{ path: 'hosts', kind: 'both-changed' }],
  stagedAt: '2026-01-01T00:00:00Z',
  boot: 'b',
};
const DENIED: DeniedImage = {
  deployment: '',
  manifestDigest: `sha256:${'ef'.repeat(32)}`,
  image: 'registry.example/host:stable',
  version: '4',
  since: '2026-01-01T00:00:00Z',
  reason: 'it did not come up in 3 attempts',
};

/** Whether a file is what it was; an object that nothing needs may be gone as well, and comes back here for those after it. */
async function isMended(path: string, before: Buffer): Promise<boolean> {
  if (existsSync(path)) return (await readFile(path)).equals(before);
  const isClean = (await checked()).kind === 'clean';
  await writeFile(path, before);
  return isClean;
}

/** A host whose two deployments both came from the registry. */
async function hostOfRegistry(directory: string): Promise<TestHost> {
  await installHost(directory, INSTALLED);
  let next = await boot(directory);
  await recordBoot(next);
  for (const version of ['2', '3']) {
    const files = {
      ...UPDATED.files,
      [LOADER.inImage.slice(1)]: LOADER_BYTES,
      'usr/version': version.repeat(5000),
      'usr/lib/modules/6.12/vmlinuz': `kernel ${version} `.repeat(3000),
    };
    await update(next, { ...UPDATED, version, files });
    next = await boot(directory);
    await recordBoot(next);
    await bless(next);
  }
  for (const path of [LOADER.installed, LOADER.removable]) {
    await makeDirectoryDurably(join(next.esp, dirname(path)));
    await writeFile(join(next.esp, path), LOADER_BYTES);
  }
  const [first] = (await readBootEntries(next.esp)).entries;
  const commandLine = first === undefined ? '' : bootEntryOptions(first.entry);
  return { ...next, commandLine: async () => commandLine };
}

async function update(on: TestHost, image: TestImage): Promise<void> {
  const { images } = partsOf(on.directory);
  await writeTestImage(images, image);
  const name = `${registry.hostPort}/host:stable`;
  await slipway(['push', `oci:${images}:${image.tag}`, name]);
  const reference = parseReference(`docker://${name}`);
  await using source = openImage(reference);
  await stageUpdate(on, { source, reference, command: 'slipway upgrade', etcPolicy: 'ours' });
  await finalizeStaged(on);
}

function checked(): Promise<FsckResult> {
  return fsckHost(host, { repair: false, openSource: openImage });
}

function repaired(): Promise<FsckResult> {
  return fsckHost(host, { repair: true, openSource: openImage });
}

async function turnOver({
  path,
  offset,
  bit,
}: Flip): Promise<{ readonly before: Buffer; restore(): Promise<void> }> {
  const before = await readFile(path);
  const after = Buffer.from(before);
  after[offset] = (after[offset] ?? 0) ^ (1 << bit);
  await chmod(path, 0o644);
  await writeFile(path, after);
  return { before, restore: () => writeFile(path, before) };
}

async function someFlips(path: string, count: number): Promise<readonly Flip[]> {
  const { size } = await stat(path);
  return Array.from({ length: count }, () => ({
    path,
    offset: Math.floor(dice() * size),
    bit: Math.floor(dice() * 8),
  }));
}

async function flipsAlong(path: string): Promise<readonly Flip[]> {
  const { size } = await stat(path);
  return Array.from({ length: Math.ceil(size / TEXT_STEP) }, (_one, index) => ({
    path,
    offset: index * TEXT_STEP,
    bit: Math.floor(dice() * 8),
  }));
}

async function deployments(): Promise<readonly string[]> {
  return (await readdir(host.layout.deployments)).toSorted();
}

/** Objects that are the images deployments boot. */
async function imageObjects(): Promise<readonly string[]> {
  const objects = join(host.layout.composefs, 'objects');
  return (await deployments()).map((id) => join(objects, id.slice(0, 2), id.slice(2)));
}

/** Of an object: the name the store knows it by. */
function digestOf(path: string): string {
  return `${basename(dirname(path))}${basename(path)}`;
}

async function filesBelow(directory: string): Promise<readonly string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .toSorted();
}
