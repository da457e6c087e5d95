/**
 * `slipway install to-disk` on files and loop devices: what is refused and left as it was, what stands on the disk afterwards by the
 * tools of others. The virtual machines are in tests/install-vm.test.ts.
 */
import { existsSync } from 'node:fs';
import { readFile, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeTempDir, run, type TempDir } from '@slipway/core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { slipway, slipwayJson } from './harness/slipway.ts';
import { member, writeTinyImage } from './harness/tiny-image.ts';

const GIB = 1024 ** 3;
const MIB = 1024 ** 2;
const KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGRldiBrZXkgZm9yIHRlc3RzIG9ubHkgMDEyMzQ1 me@here';

interface InstallAnswer {
  readonly deployment: string;
  readonly kernelCommandLine: string;
  readonly target: string;
  readonly done: boolean;
  readonly steps: readonly { readonly kind: string; readonly paths?: readonly string[] }[];
}

let temp: TempDir;
let image: string;
let cache: string;

beforeAll(async () => {
  temp = await makeTempDir('install');
  image = await writeTinyImage(join(temp.path, 'images'), {
    extra: [member({ path: 'etc/passwd' }, Buffer.from('root:x:0:0:root:/var/roothome:/bin/sh\n'))],
  });
  cache = join(temp.path, 'cache');
});
afterAll(async () => {
  await temp[Symbol.asyncDispose]();
});

async function emptyDisk(name: string, sizeBytes: number = 6 * GIB): Promise<string> {
  const path = join(temp.path, name);
  await writeFile(path, '');
  await truncate(path, sizeBytes);
  return path;
}

function install(...args: readonly string[]): readonly string[] {
  return ['install', 'to-disk', '--cache', cache, '--source-imgref', image, ...args];
}

async function refusal(...args: readonly string[]): Promise<string> {
  const { stderr, stdout, exitCode } = await slipway(install(...args), { allowExitCodes: [2, 3, 4] });
  expect(exitCode).not.toBe(0);
  expect(stdout.toString()).toBe('');
  return stderr;
}

async function output(...argv: readonly [string, ...string[]]): Promise<string> {
  return (await run(argv, { describe: `run ${argv[0]}` })).stdout.toString();
}

describe('a file that stands for a disk', () => {
  test('gets a disk that other tools find in order, with what was asked for', async () => {
    const path = await emptyDisk('plain.img');
    const keys = join(temp.path, 'keys.pub');
    await writeFile(keys, `# mine\n${KEY}\n`);
    const options = ['--karg', 'console=tty9', '--karg-delete', 'quiet', '--root-ssh-authorized-keys', keys];
    const target = ['--target-imgref', 'registry.example/shop:stable', '--skip-fetch-check'];
    const args = install('--via-loopback', ...options, ...target, path);

    const planned = (await slipwayJson([...args, '--dry-run'])) as InstallAnswer;
    expect(planned).toMatchObject({ done: false, target: 'registry.example/shop:stable' });
    expect(planned.steps.map(({ kind }) => kind)).toEqual(['clear-file', 'write-disk', 'verify-disk']);
    expect((await stat(path)).blocks).toBe(0);

    const done = (await slipwayJson(args)) as InstallAnswer;
    expect(done).toMatchObject({ done: true, deployment: planned.deployment });
    expect(done.kernelCommandLine).toMatch(/ console=tty9$/);
    expect(done.kernelCommandLine).not.toMatch(/quiet/);
    await output('sfdisk', '--verify', path);
    const root = `${path}?offset=${1025 * MIB}`;
    await output('e2fsck', '-fn', root);
    const origin = await output(
      'debugfs',
      '-R',
      `cat /state/deploy/${done.deployment}/${done.deployment}.origin`,
      root,
    );
    expect(origin).toContain('registry.example/shop:stable');
    const found = await output(
      'debugfs',
      '-R',
      'cat /state/os/default/var/roothome/.ssh/authorized_keys',
      root,
    );
    expect(found).toBe(`${KEY}\n`);
  });

  test('two disks of one image have nothing in common that a machine could confuse', async () => {
    const uuids = await Promise.all(
      ['one.img', 'two.img'].map(async (name) => {
        const path = await emptyDisk(name);
        await slipway(install('--via-loopback', path));
        const table = JSON.parse(await output('sfdisk', '--json', path)) as {
          partitiontable: { id: string; partitions: readonly { uuid: string }[] };
        };
        const at = String(1025 * MIB);
        const root = await output('blkid', '-p', '-O', at, '-s', 'UUID', '-o', 'value', path);
        return [table.partitiontable.id, ...table.partitiontable.partitions.map(({ uuid }) => uuid), root];
      }),
    );
    expect(new Set(uuids.flat()).size).toBe(8);
  });

  test('that holds something is left as it was, until --wipe is given', async () => {
    const path = await emptyDisk('used.img');
    await output('mkfs.ext4', '-q', '-L', 'photos', path);
    const before = await output('dumpe2fs', '-h', path);
    expect(await refusal('--via-loopback', path)).toMatch(
      /cannot install to .*used\.img: it is not empty\n {2}.* holds ext4 'photos'\nhint: to erase everything in it give --wipe/,
    );
    expect(await output('dumpe2fs', '-h', path)).toBe(before);
    await slipway(install('--via-loopback', '--wipe', path));
    await output('sfdisk', '--verify', path);
  });

  test.each([
    ['that is too small', 100 * MIB, /cannot make a disk of 100 MiB/],
    ['that is empty', 0, /it has 0 bytes\nhint: .*truncate --size 10G/],
    ['of half a sector', 2 * GIB + 100, /it has 2147483748 bytes/],
  ])('%s is refused', async (_, sizeBytes, message) => {
    const path = await emptyDisk('bad.img', sizeBytes);
    expect(await refusal('--via-loopback', path)).toMatch(message);
    expect((await stat(path)).blocks).toBe(0);
  });

  test('is not taken for a disk, nor made where a name is wrong', async () => {
    const path = await emptyDisk('file.img');
    expect(await refusal(path)).toMatch(/it is a file, not a disk\nhint: give --via-loopback/);
    const missing = join(temp.path, 'missing');
    expect(await refusal('--via-loopback', missing)).toMatch(/there is no such file or device/);
    expect(existsSync(missing)).toBe(false);
    expect(await refusal('/dev/null')).toMatch(/it is not a block device/);
  });

  test('with a target nobody can reach is refused before it is written', async () => {
    const path = await emptyDisk('unreachable.img');
    const target = `oci:${join(temp.path, 'nowhere')}:stable`;
    expect(await refusal('--via-loopback', '--target-imgref', target, path)).toMatch(
      /cannot reach oci:.*, which the host would get its updates from.*\nhint: .*--skip-fetch-check/,
    );
    expect((await stat(path)).blocks).toBe(0);
  });
});

describe('a loop device', () => {
  test('is written as a disk; what it held is gone; its file is refused meanwhile', async () => {
    const path = await emptyDisk('loop.img', 5 * GIB);
    await output('mkfs.ext4', '-q', path);
    await using attached = new AsyncDisposableStack();
    const loop = (await output('losetup', '--find', '--show', path)).trim();
    attached.defer(async () => {
      await output('losetup', '--detach', loop);
    });
    expect(await refusal('--via-loopback', path)).toMatch(`it is attached to ${loop}`);
    expect(await refusal(loop)).toMatch(/it is not empty\n {2}\/dev\/loop\d+ holds ext4\n/);

    const done = (await slipwayJson(install('--wipe', '--root-size', '2G', loop))) as InstallAnswer;
    expect(done.steps[0]).toEqual({ kind: 'wipe-signatures', paths: [loop] });
    await output('sfdisk', '--verify', path);
    await output('e2fsck', '-fn', `${path}?offset=${1025 * MIB}`);
    const table = await output('sfdisk', '--json', path);
    expect(JSON.parse(table).partitiontable.partitions[1].size * 512).toBe(2 * GIB);
    // The root keeps its size: the host is told not to grow it.
    const mask = `stat /state/deploy/${done.deployment}/etc/systemd/system/slipway-grow-root.service`;
    expect(await output('debugfs', '-R', mask, `${path}?offset=${1025 * MIB}`)).toContain('/dev/null');
  });

  test('that is mounted is never written', async () => {
    const path = await emptyDisk('mounted.img', 5 * GIB);
    await output('mkfs.ext4', '-q', path);
    const point = await makeTempDir('mounted');
    await using mounted = new AsyncDisposableStack();
    mounted.use(point);
    const loop = (await output('losetup', '--find', '--show', path)).trim();
    mounted.defer(async () => {
      await output('losetup', '--detach', loop);
    });
    await output('mount', loop, point.path);
    mounted.defer(async () => {
      await output('umount', point.path);
    });
    await writeFile(join(point.path, 'precious'), 'kept');
    const said = await refusal('--wipe', loop);
    expect(said).toContain(
      `cannot install to ${loop}: it is in use\n  ${loop} is mounted at ${point.path}\n`,
    );
    expect(await readFile(join(point.path, 'precious'), 'utf8')).toBe('kept');
  });

  test('beside another that a configuration names: both are looked at, and erased only where they may be', async () => {
    await using attached = new AsyncDisposableStack();
    const attach = async (name: string): Promise<string> => {
      const loop = (await output('losetup', '--find', '--show', await emptyDisk(name, 5 * GIB))).trim();
      attached.defer(async () => {
        await output('losetup', '--detach', loop);
      });
      return loop;
    };
    const [first, second, other] = [await attach('a.img'), await attach('b.img'), await attach('c.img')];
    const config = join(temp.path, 'two-disks.toml');
    const drives = async (...allowed: readonly string[]): Promise<void> => {
      const disk = `[customizations.disk]\ndrives = ${JSON.stringify(allowed)}\n`;
      const data = `[[customizations.disk.partitions]]\nmountpoint = "/var/lib/data"\nsize = "1 GiB"\ndevice = "${second}"\n`;
      const root = `[[customizations.disk.partitions]]\nmountpoint = "/"\ndevice = "${first}"\n`;
      await writeFile(config, `${disk}${root}${data}`);
    };
    await drives(first, second);
    const plan = (...args: readonly string[]) => [...args, '--config', config, '--dry-run'];
    // The first that is named carries the boot partition.
    const { stdout } = await slipway(install(...plan()));
    expect(stdout.toString()).toMatch(
      new RegExp(`WRITE A NEW PARTITION TABLE to ${first}\n.*boot partition`),
    );
    expect(stdout.toString()).toContain(`WRITE A NEW PARTITION TABLE to ${second}\n     1  var-lib-data `);

    await output('mkfs.ext4', '-q', '-L', 'photos', second);
    expect(await refusal(...plan())).toContain(`cannot install to ${second}: it is not empty`);
    const wiped = (await slipwayJson(install(...plan('--wipe')))) as InstallAnswer;
    expect(wiped.steps[0]).toEqual({ kind: 'wipe-signatures', paths: [second] });
    expect(await refusal(...plan('--wipe', other))).toContain(`cannot install to ${other}: `);
    await drives(first);
    expect(await refusal(...plan('--wipe'))).toContain(`cannot install to ${second}: `);
  });
});
