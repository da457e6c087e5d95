/**
 * `slipway install reset` on a host in a directory: what is new, what stays, and what starts when power fails in the middle. Kernels here
 * mount no FAT and seal nothing.
 */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeTempDir, type TempDir } from '@slipway/core';
import { readHistory } from '@slipway/host';
import { parseReference } from '@slipway/oci';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { finalizeStaged } from '../packages/host/src/finalize.ts';
import { rollback } from '../packages/host/src/rollback.ts';
import {
  boot,
  entryNames,
  partsOf,
  systemOf,
  type TestHost,
} from '../packages/host/src/testing/test-host.ts';
import { resetTo } from '../packages/install/src/installation/install-reset.ts';
import { fetchHost } from '../packages/install/src/installation/install-to-disk.ts';
import type { ResetRequest } from '../packages/install/src/installation/request.ts';
import { executeUnsealed } from './harness/execute-unsealed.ts';
import { slipway } from './harness/slipway.ts';
import { member, writeTinyImage } from './harness/tiny-image.ts';

let temp: TempDir;
let images: readonly string[];

beforeAll(async () => {
  temp = await makeTempDir('install-reset');
  const of = (tag: string): Promise<string> =>
    writeTinyImage(join(temp.path, 'images'), {
      tag,
      extra: [member({ path: 'etc/release' }, Buffer.from(`${tag}\n`))],
    });
  images = [await of('one'), await of('two')];
});
afterAll(async () => {
  await temp[Symbol.asyncDispose]();
});

function requestOf(image: string | undefined): ResetRequest {
  const reference = parseReference(image ?? '');
  return {
    image: reference,
    target: reference,
    checksTarget: false,
    architecture: 'amd64',
    kernelArguments: ['quiet'],
    storeDirectory: join(temp.path, 'store'),
    cacheDirectory: join(temp.path, 'downloads'),
    keepsRootArguments: true,
  };
}

/** A host with the first image that was used for a while. */
async function usedHost(name: string): Promise<TestHost> {
  const directory = join(temp.path, name);
  const { sysroot, esp } = partsOf(directory);
  await mkdir(sysroot, { recursive: true });
  await mkdir(esp);
  await using host = await fetchHost(requestOf(images[0]), {});
  await executeUnsealed([{ kind: 'write-host', root: sysroot, boot: esp }], {
    host,
    directory: '/',
    scripts: [],
  });
  const booted = await boot(directory);
  await writeFile(join(booted.etc, 'fstab'), 'LABEL=data /var/lib/data ext4 defaults 0 2\n');
  await writeFile(join(booted.etc, 'edited'), 'by hand\n');
  await writeFile(join(booted.layout.varDirectory, 'data'), 'of somebody\n');
  return booted;
}

const ROOT = { kernelArguments: 'root=UUID=1 rw', needs: new Set<never>() };
const found = async (): Promise<typeof ROOT> => ROOT;

async function etcOf(
  host: TestHost,
): Promise<{ readonly release: string; readonly names: readonly string[] }> {
  const release = await readFile(join(host.etc, 'release'), 'utf8');
  const names = (await readdir(host.etc)).filter((each) => ['edited', 'fstab'].includes(each));
  return { release, names };
}

test.each([
  ['the image it runs', 0, 'one\n'],
  ['another image', 1, 'two\n'],
])('a host begins anew with %s', async (_what, index, release) => {
  const host = await usedHost(`reset-${index}`);
  const { sysroot } = host.layout;
  const before = await readdir(sysroot);

  const plan = await resetTo(host, requestOf(images[index]), found, { dryRun: true });
  expect(plan).toMatchObject({ done: false, keptState: join(sysroot, 'state.1'), keptFiles: ['/etc/fstab'] });
  expect(plan.kernelCommandLine).toMatch(/^root=UUID=1 rw .*\bquiet\b/);
  expect(await readdir(sysroot)).toEqual(before);

  const done = await resetTo(host, requestOf(images[index]), found, { dryRun: false });
  expect(done).toEqual({ ...plan, done: true });
  const next = await boot(host.directory);
  expect(next.bootedId).toBe(done.deployment);
  expect(next.bootedId === host.bootedId).toBe(index === 0);
  expect(await etcOf(next)).toEqual({ release, names: ['fstab'] });
  expect(existsSync(join(next.layout.varDirectory, 'data'))).toBe(false);
  // What it had is there until somebody removes it.
  const kept = join(sysroot, 'state.1');
  expect(await readFile(join(kept, 'os/default/var/data'), 'utf8')).toBe('of somebody\n');
  expect(await readFile(join(kept, 'deploy', host.bootedId, 'etc/edited'), 'utf8')).toBe('by hand\n');
  expect((await readHistory(join(kept, 'history.jsonl'))).at(-1)).toMatchObject({
    event: 'reset',
    deployment: done.deployment,
  });
  expect((await readHistory(next.layout.history)).map(({ event }) => event)).toEqual(['installed']);
  expect(await entryNames(host.directory)).toEqual(['slipway-2+2-1.conf', 'slipway-1+2-1.conf']);
});

test('power that fails leaves the host as it was, or one that begins anew', async () => {
  const host = await usedHost('cuts');
  const taken: { readonly point: string; readonly directory: string }[] = [];
  const cutting = systemOf(host.directory, host.bootedId, (point) => {
    const directory = join(temp.path, `cut-${taken.length}`);
    execFileSync('cp', ['-a', host.directory, directory]);
    taken.push({ point, directory });
  });
  const { deployment } = await resetTo(cutting, requestOf(images[1]), found, { dryRun: false });
  const expected = [
    ['deployment-written', host.bootedId, 'one\n', ['edited', 'fstab']],
    ['kernel-written', host.bootedId, 'one\n', ['edited', 'fstab']],
    ['state-exchanged', host.bootedId, 'one\n', ['fstab']],
    ['expected-written', host.bootedId, 'one\n', ['fstab']],
    ['entry-written', deployment, 'two\n', ['fstab']],
  ];
  const seen = [];
  for (const { point, directory } of taken) {
    const next = await boot(directory);
    const { release, names } = await etcOf(next);
    seen.push([point, next.bootedId, release, names]);
    // Whatever was left, it can be done again.
    const again = await resetTo(next, requestOf(images[1]), found, { dryRun: false });
    expect((await boot(directory)).bootedId).toBe(again.deployment);
  }
  expect(seen).toEqual(expected);
});

test('until its restart a host that was reset is not changed', async () => {
  const host = await usedHost('waiting');
  await resetTo(host, requestOf(images[1]), found, { dryRun: false });
  const left = `60 21 8:2 /state.1/deploy/${host.bootedId}/etc /etc rw - ext4 /dev/vda2 rw\n`;
  const waiting: TestHost = { ...host, mountInfo: async () => `${await host.mountInfo()}${left}` };
  await expect(rollback(waiting)).rejects.toMatchObject({ code: 'RESTART_NEEDED' });
  await expect(resetTo(waiting, requestOf(images[0]), found, { dryRun: false })).rejects.toMatchObject({
    code: 'RESTART_NEEDED',
  });
  expect(await finalizeStaged(waiting)).toEqual({ kind: 'nothing-staged' });
});

test('a host is not reset by accident, and nothing else than a host is', async () => {
  const command = ['install', 'reset', '--source-imgref', images[0] ?? ''];
  const refused = await slipway(command, { allowExitCodes: [2] });
  expect(refused.stderr).toMatch(
    /cannot reset this host: .*\nhint: .*--dry-run, then give --acknowledge-destructive/,
  );
  const none = await slipway([...command, '--dry-run'], { allowExitCodes: [1] });
  expect(none.stderr).toContain('it was not booted from a Slipway deployment');
});
