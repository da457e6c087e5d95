/**
 * `slipway image --type iso`: what stands on the medium, said by the tools of others; the same bytes whenever it is made; and bad files for
 * the installer told before anything is written.
 */
import { existsSync, readdirSync } from 'node:fs';
import { mkdir, readFile, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeTempDir, run, type TempDir } from '@slipway/core';
import { openRawSource, readFat, readGpt, readIso, sourceWindow } from '@slipway/disk';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { noise } from '../packages/oci/src/testing/small-image.ts';
import { slipway, slipwayJson } from './harness/slipway.ts';
import { tinyDigests, writeTinyImage } from './harness/tiny-image.ts';

const TARGET = 'registry.example/tiny:stable';
const CONFIG = '[customizations]\nhostname = "installed"\n[customizations.installer]\nunattended = true\n';

interface IsoAnswer {
  readonly deployment: string;
  readonly disks: readonly { readonly type: string; readonly path: string; readonly sha256: string }[];
}

let temp: TempDir;
let image: string;
let iso: string;
let answer: IsoAnswer;

beforeAll(async () => {
  temp = await makeTempDir('installer-medium');
  image = await writeTinyImage(join(temp.path, 'layout'));
  await writeFile(join(temp.path, 'config.toml'), CONFIG);
  answer = await makeIso('first', 'cache');
  iso = answer.disks[0]?.path ?? '';
});
afterAll(async () => {
  await temp[Symbol.asyncDispose]();
});

async function makeIso(directory: string, cache: string): Promise<IsoAnswer> {
  const config = ['--config', join(temp.path, 'config.toml'), '--target-imgref', TARGET, '--karg', 'panic=5'];
  const args = ['image', image, '--type', 'iso', '-o', join(temp.path, directory), ...config];
  const env = { SLIPWAY_CACHE: join(temp.path, cache), XDG_CACHE_HOME: join(temp.path, cache) };
  return (await slipwayJson(args, { env })) as IsoAnswer;
}

async function output(...argv: readonly [string, ...string[]]): Promise<string> {
  return (await run(argv, { describe: argv.join(' ') })).stdout.toString();
}

describe('the medium', () => {
  test('boots by UEFI from a disc and from a USB stick: the same partition, says xorriso', async () => {
    expect(readdirSync(join(temp.path, 'first')).toSorted()).toEqual(['SHA256SUMS', 'install.iso']);
    const { stdout } = await run(['xorriso', '-indev', iso, '-report_el_torito', 'plain'], {
      describe: 'look at the medium',
    });
    expect(stdout.toString()).toMatch(/El Torito boot img :\s+1\s+UEFI\s+y\s+none/);
    expect(await output('sgdisk', '-v', iso)).toContain('No problems found');
    await using source = await openRawSource(iso);
    const { boot, volumeId } = await readIso(source);
    const esp = (await readGpt(source)).partitions.find(({ label }) => label === 'boot');
    expect(boot).toEqual([expect.objectContaining({ platform: 'efi', offsetBytes: esp?.offsetBytes })]);
    expect(volumeId).toBe(`SLIPWAY_${answer.deployment.slice(0, 16).toUpperCase()}`);
  });

  test('starts the kernel of the image, to install it or to try it', async () => {
    await using source = await openRawSource(iso);
    const esp = (await readGpt(source)).partitions.find(({ label }) => label === 'boot');
    const { root } = await readFat(sourceWindow(source, esp?.offsetBytes ?? 0, esp?.sizeBytes ?? 0));
    const read = async (path: string): Promise<Buffer> => {
      let node: unknown = root;
      for (const name of path.split('/')) node = (node as typeof root).entries.get(name);
      return Buffer.concat(await Array.fromAsync((node as { open(): AsyncIterable<Uint8Array> }).open()));
    };
    expect(await read('live/linux')).toEqual(noise(1, 200_000));
    expect(await read('live/initrd')).toEqual(noise(2, 299_998));
    expect(await read('EFI/BOOT/BOOTX64.EFI')).toEqual(noise(3, 100_000));
    const label = `SLIPWAY_${answer.deployment.slice(0, 16).toUpperCase()}`;
    const install = (await read('loader/entries/2-install.conf')).toString();
    expect(install).toMatch(
      new RegExp(
        `^options root=UUID=[0-9a-f-]{36} .*ro slipway.live=${label} .*composefs=${answer.deployment}`,
        'm',
      ),
    );
    expect(install).toMatch(/^options .* panic=5 slipway\.install$/m);
    expect((await read('loader/entries/1-live.conf')).toString()).not.toContain('slipway.install');
    expect((await read('loader/loader.conf')).toString()).toContain('default 2-install.conf\n');
  });

  test('carries a sealed root, and with it all that is installed: documents, arguments, configuration', async () => {
    const out = join(temp.path, 'out');
    await mkdir(out);
    await output('bsdtar', '-x', '-C', out, '-f', iso);
    const root = join(out, 'slipway/root.img');
    await output('e2fsck', '-fn', root);
    const files = join(temp.path, 'files');
    await mkdir(files);
    await output('debugfs', '-R', `rdump /slipway ${files}`, root);
    const digests = await tinyDigests(join(temp.path, 'layout'));
    const payload = join(files, 'slipway/payload');
    expect(JSON.parse(await readFile(join(payload, 'index.json'), 'utf8')).manifests).toMatchObject([
      { digest: digests.manifest },
    ]);
    await output('skopeo', 'inspect', '--raw', `oci:${payload}:installer`);
    expect((await readFile(join(files, 'slipway/arguments'), 'utf8')).split('\n')).toEqual([
      '--source-imgref',
      'oci:/run/slipway/live/slipway/payload:installer',
      '--target-imgref',
      TARGET,
      '--skip-fetch-check',
      '--karg',
      'panic=5',
      'unattended',
      '',
    ]);
    expect(await readFile(join(files, 'slipway/config.toml'), 'utf8')).toBe(CONFIG);
    const image = `/composefs/objects/${answer.deployment.slice(0, 2)}/${answer.deployment.slice(2)}`;
    expect(await output('debugfs', '-R', `stat ${image}`, root)).toMatch(/Flags: 0x180000|Verity/);
  });

  test('is all it takes to install a disk: the store it carries has every file, the payload no layer', async () => {
    const out = join(temp.path, 'offline');
    await mkdir(out);
    await output('bsdtar', '-x', '-C', out, '-f', iso);
    const live = join(temp.path, 'live');
    await mkdir(join(live, 'cache'), { recursive: true });
    await output('debugfs', '-R', `rdump / ${live}`, join(out, 'slipway/root.img'));
    // As os/libexec/installer does it.
    await symlink(join(live, 'composefs'), join(live, 'cache/store'));
    const disk = join(temp.path, 'disk.img');
    await writeFile(disk, '');
    await truncate(disk, 4 * 1024 ** 3);
    const source = ['--source-imgref', `oci:${live}/slipway/payload:installer`, '--skip-fetch-check'];
    const config = ['--target-imgref', TARGET, '--config', join(live, 'slipway/config.toml')];
    const args = ['install', 'to-disk', ...source, ...config, '--cache', join(live, 'cache')];
    expect(await slipwayJson([...args, '--via-loopback', disk])).toMatchObject({
      deployment: answer.deployment,
      target: TARGET,
      done: true,
    });
    expect(await output('sfdisk', '--verify', disk)).toContain('No errors detected');
  });

  test('is the same, byte for byte, made again in another place from nothing', async () => {
    const again = await makeIso('second', 'other-cache');
    expect(again.disks[0]?.sha256).toBe(answer.disks[0]?.sha256);
    await output('cmp', iso, again.disks[0]?.path ?? '');
  });

  test('and asked for once more is there already', async () => {
    expect(await makeIso('first', 'cache')).toEqual(answer);
  });
});

test('for the network: kernel, initramfs, the root as one more initramfs, a script, instructions', async () => {
  const directory = join(temp.path, 'network');
  const env = { SLIPWAY_CACHE: join(temp.path, 'cache'), XDG_CACHE_HOME: join(temp.path, 'cache') };
  const args = ['image', image, '--type', 'pxe', '--type', 'iso', '-o', directory, '--target-imgref', TARGET];
  await slipwayJson(args, { env });
  const pxe = join(directory, 'pxe');
  expect(readdirSync(pxe).toSorted()).toEqual([
    'README.md',
    'SHA256SUMS',
    'boot.ipxe',
    'initrd',
    'linux',
    'root.cpio',
  ]);
  expect(await readFile(join(pxe, 'linux'))).toEqual(noise(1, 200_000));
  // A kernel takes the next archive for one only where its place is a multiple of four.
  expect(await readFile(join(pxe, 'initrd'))).toEqual(Buffer.concat([noise(2, 299_998), Buffer.alloc(2)]));
  await run(['sha256sum', '--check', 'SHA256SUMS'], { describe: 'check the sums', cwd: pxe });
  const script = await readFile(join(pxe, 'boot.ipxe'), 'utf8');
  expect(script).toMatch(/^#!ipxe\n/);
  expect(script).toMatch(
    new RegExp(
      `^kernel linux initrd=initrd initrd=root.cpio root=UUID=.* slipway.live=ram .*composefs=${answer.deployment}`,
      'm',
    ),
  );
  // What a kernel unpacks is the root of the medium.
  expect(await output('bsdtar', '-tvf', join(pxe, 'root.cpio'))).toMatch(/^-r-------- .* slipway\.img\n$/);
  await output('bsdtar', '-x', '-C', directory, '-f', join(pxe, 'root.cpio'));
  const out = join(directory, 'iso');
  await mkdir(out);
  await output('bsdtar', '-x', '-C', out, '-f', join(directory, 'install.iso'));
  await output('cmp', join(directory, 'slipway.img'), join(out, 'slipway/root.img'));
});

test.each([
  ['bad.toml', '--config', '[customizations]\nhostnam = "x"\n', 'hostnam'],
  ['bad.ks', '--kickstart', 'lang en_US.UTF-8\nnonsense --really\n', 'nonsense'],
])(
  'a file for the installer that is wrong is told before anything is written: %s',
  async (name, option, text, word) => {
    const path = join(temp.path, name);
    await writeFile(path, text);
    const directory = join(temp.path, 'never');
    const { exitCode, stderr } = await slipway(
      ['image', image, '--type', 'iso', option, path, '-o', directory],
      {
        allowExitCodes: [3],
      },
    );
    expect([exitCode, stderr]).toEqual([3, expect.stringContaining(word)]);
    expect(existsSync(directory)).toBe(false);
  },
);
