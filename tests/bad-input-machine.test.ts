/** Machines that lack what a command needs: room, permission, a Slipway deployment to run on, a Containerfile that builds. */
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { chmod, chown, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { makeTempDir, run, type TempDir } from '@slipway/core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { onHostLookalike } from './harness/host-lookalike.ts';
import { AS_NOBODY, expectRefusal, slipwayThrough } from './harness/refusal.ts';
import { slipway } from './harness/slipway.ts';
import { writeTinyImage } from './harness/tiny-image.ts';

const NOBODY = 65_534;

let temp: TempDir;
let good: string;
let env: Readonly<Record<string, string>>;

beforeAll(async () => {
  temp = await makeTempDir('bad-machine');
  // Others than root must get in.
  await chmod(temp.path, 0o755);
  env = { SLIPWAY_CACHE: join(temp.path, 'cache') };
  good = await writeTinyImage(join(temp.path, 'layout'));
});
afterAll(async () => {
  await temp[Symbol.asyncDispose]();
});

describe('a full file system', () => {
  test.each([
    ['of the disk, qcow2', ['--type', 'qcow2'], 'out'],
    ['of the disk, raw', ['--type', 'raw'], 'out'],
    ['of the disk, one of two', ['--type', 'qcow2', '--type', 'raw'], 'out'],
  ])('%s', async (title, options, name) => {
    await using small = await mountSmall(title.includes('two') ? '5m' : '2m');
    const path = join(small.path, name);
    const args = ['image', good, '-o', path, '--size', '2G', ...options];
    const message = /cannot write .*\/out\/disk\.(qcow2|raw): no room left on its file system/;
    await expectRefusal({
      args,
      env,
      exitCode: 4,
      message,
      hint: /free some space .* nothing was left behind/,
    });
    // Both are written in one pass: of the other there is no trace either.
    expect(readdirSync(path)).toEqual([]);
  });

  test('of the cache', async () => {
    await using small = await mountSmall('1m');
    const out = join(temp.path, 'out');
    const args = ['image', good, '-o', out, '--cache', join(small.path, 'cache')];
    await expectRefusal({
      args,
      env,
      exitCode: 4,
      message: /the file system of .*\/cache\/.* is full/,
      hint: /free some space/,
      empty: out,
    });
  });

  test('of a layout that is pushed to, which then works once there is room', async () => {
    await using small = await mountSmall('1m');
    const target = `oci:${small.path}/layout:v1`;
    const message = /cannot write the layout .*\/layout: no space left/;
    await expectRefusal({ args: ['push', good, target], env, exitCode: 4, message, hint: /free some space/ });
    const left = await run(['find', small.path, '-name', '.slipway-*'], { describe: 'look for leftovers' });
    expect(left.stdout.toString()).toBe('');
    await run(['mount', '-o', 'remount,size=8m', small.path], { describe: 'make room' });
    await slipway(['push', good, target], { env });
    await slipway(['inspect', target], { env });
  });
});

describe('a machine that is no Slipway host', () => {
  test.each([
    [['upgrade']],
    [['upgrade', '--check']],
    [['switch', 'registry.invalid/tiny:v1']],
    [['rollback']],
    [['history']],
    [['internals', 'finalize']],
    [['internals', 'booted']],
  ])('%j', async (args) => {
    const message = /manage this machine: it was not booted from a Slipway deployment/;
    for (const through of [[], AS_NOBODY]) {
      await expectRefusal({ args, env, through, exitCode: 1, message, hint: /slipway image/ });
    }
    expect(['/composefs', '/state'].filter((path) => existsSync(path))).toEqual([]);
  });

  test('its status: words are a refusal, documents say so', async () => {
    const message = /show deployments: this machine was not booted from a Slipway deployment/;
    await expectRefusal({ args: ['status'], env, exitCode: 1, message, hint: /slipway image/ });
    for (const form of [['--json'], ['--format', 'yaml']]) {
      const { stdout } = await slipway(['status', ...form], { env });
      expect(stdout.toString()).toMatch(/booted"?: null/);
    }
  });
});

describe('a Slipway host, for who is not root', () => {
  let onHost: readonly string[];
  beforeAll(async () => {
    onHost = await onHostLookalike(temp.path);
  });

  test.each([
    [['upgrade'], /cannot (run slipway upgrade|read the deployments of this host): not root/],
    [['upgrade', '--check'], /not root/],
    [['switch', 'registry.invalid/tiny:v1'], /cannot run slipway switch: not root/],
    [['rollback'], /cannot run slipway rollback: not root/],
    [['status'], /cannot read the deployments of this host: not root/],
    [['history'], /cannot read the history of this host: not root/],
    [['internals', 'finalize'], /cannot run .*: not root/],
  ] as const)('%j', async (args, message) => {
    const through = [...onHost, ...AS_NOBODY];
    await expectRefusal({ args, env, through, exitCode: 4, message, hint: /run the command as root/ });
  });
});

describe('not being root', () => {
  test('makes the same disk, with no capability, and no device node', async () => {
    const home = join(temp.path, 'home');
    await mkdir(home);
    await chown(home, NOBODY, NOBODY);
    const own = { HOME: home, SLIPWAY_CACHE: join(home, 'cache'), TMPDIR: home };
    const made = await slipwayThrough(AS_NOBODY, ['image', good, '-o', join(home, 'out'), '--json'], own);
    expect(made.exitCode, made.stderr).toBe(0);
    const asRoot = await slipway(['image', good, '-o', join(temp.path, 'as-root'), '--json'], { env });
    expect(sums(made.stdout)).toEqual(sums(asRoot.stdout.toString()));
    // The image holds a character device and a fifo: they are bytes of the disk, and nothing else.
    const find = await run(['find', home, '!', '-type', 'f', '!', '-type', 'd', '!', '-type', 'l'], {
      describe: 'look for device nodes',
    });
    expect(find.stdout.toString()).toBe('');
  });

  test('and not being allowed to write there', async () => {
    const hint = /name a directory this user may write to/;
    const nobody = { env: { ...env, HOME: join(temp.path, 'home') }, through: AS_NOBODY };
    const closed = { args: ['image', good, '-o', join(temp.path, 'closed')], ...nobody };
    await expectRefusal({ ...closed, exitCode: 5, message: /cannot be written to: permission denied/, hint });
    const cache = join(temp.path, 'closed-cache');
    const out = join(temp.path, 'home/out-2');
    const args = ['image', good, '-o', out, '--cache', cache];
    const refusal = { args, ...nobody, exitCode: 5, empty: out };
    const message = /make an object store: permission denied \(mkdir .*closed-cache/;
    await expectRefusal({ ...refusal, message, hint: /name another place/ });
  });

  function sums(json: string): readonly unknown[] {
    const { disks } = JSON.parse(json) as { disks: readonly { sha256: string }[] };
    return disks.map(({ sha256 }) => sha256);
  }
});

describe('a build', () => {
  test('without a Containerfile, or a directory', async () => {
    const target = `oci:${temp.path}/built:v1`;
    const context = join(temp.path, 'context');
    await mkdir(context);
    const refused = { env, exitCode: 3, empty: join(temp.path, 'built') };
    const none = /no .*\/context\/Containerfile and no .*\/context\/Dockerfile/;
    await expectRefusal({
      ...refused,
      args: ['build', '-t', target, context],
      message: none,
      hint: /--file/,
    });
    const named = ['build', '-t', target, '-f', 'Nothing', context];
    await expectRefusal({ ...refused, args: named, message: /there is no Nothing/, hint: /--file/ });
    const nowhere = ['build', '-t', target, join(temp.path, 'nowhere')];
    await expectRefusal({ ...refused, args: nowhere, message: /it is not a directory/, hint: /copies from/ });
  });

  test.each([
    [
      'a step fails',
      'FROM scratch\nCOPY Containerfile /\nRUN ["/nothing"]\n',
      /build .*\/Containerfile: buildah ended/,
    ],
    ['an instruction is unknown', 'FROM scratch\nBOGUS x\n', /build .*\/Containerfile: buildah ended/],
    ['its base is not there', 'ARG BASE\nFROM ${BASE}\n', /find an OCI layout at .*\/no-base/],
  ])('where %s', async (_title, text, message) => {
    const context = join(temp.path, 'failing');
    await mkdir(context, { recursive: true });
    writeFileSync(join(context, 'Containerfile'), text);
    const base = text.startsWith('ARG') ? ['--build-arg', `BASE=oci:${temp.path}/no-base:v1`] : [];
    const args = ['build', '-t', `oci:${temp.path}/failed:v1`, ...base, context];
    await expectRefusal({
      args,
      env,
      exitCode: 5,
      message,
      hint: /--verbose|holds oci-layout/,
      empty: join(temp.path, 'failed'),
    });
  });
});

/** A file system in memory with room for so much. */
async function mountSmall(size: string): Promise<{ readonly path: string } & AsyncDisposable> {
  const path = join(temp.path, 'small');
  await mkdir(path, { recursive: true });
  await run(['mount', '-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', path], {
    describe: 'mount a small file system',
  });
  return {
    path,
    [Symbol.asyncDispose]: async () => {
      await run(['umount', path], { describe: 'unmount it' });
    },
  };
}
