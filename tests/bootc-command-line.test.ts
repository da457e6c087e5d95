/** The command line of bootc, through a link of that name, as programs that drive bootc call it on a machine that is no host. */
import { spawnSync } from 'node:child_process';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeTempDir } from '@slipway/core';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';

const LAUNCHER = join(import.meta.dirname, '../bin/slipway');

let bootc: (...args: readonly string[]) => { status: number | null; stdout: string; stderr: string };

beforeAll(async () => {
  const dir = await makeTempDir('bootc');
  const link = join(dir.path, 'bootc');
  await symlink(LAUNCHER, link);
  bootc = (...args) => {
    const { status, stdout, stderr } = spawnSync(link, args, { encoding: 'utf8' });
    return { status, stdout, stderr };
  };
  return () => dir[Symbol.asyncDispose]();
});

/** The least image that passes every check. */
async function soundRoot(): Promise<string> {
  const dir = await makeTempDir('bootc-root');
  onTestFinished(() => dir[Symbol.asyncDispose]());
  const at = (path: string): string => join(dir.path, path);
  for (const path of ['boot', 'dev', 'etc', 'proc', 'run', 'sys', 'sysroot', 'tmp', 'var']) {
    await mkdir(at(path));
  }
  await mkdir(at('usr/lib/modules/6.12'), { recursive: true });
  await mkdir(at('usr/lib/bootc/kargs.d'), { recursive: true });
  await writeFile(at('usr/lib/modules/6.12/vmlinuz'), 'kernel');
  await writeFile(at('usr/lib/modules/6.12/initramfs.img'), 'initramfs');
  await writeFile(at('usr/lib/bootc/kargs.d/10.toml'), 'kargs = ["quiet", "console=ttyS0"]\n');
  return dir.path;
}

describe('status of what is no host', () => {
  test('in JSON and YAML is a document, in words an answer', () => {
    const json = bootc('status', '--format=json', '--format-version=1', '--booted');
    expect(json).toMatchObject({ status: 0, stderr: '' });
    expect(JSON.parse(json.stdout)).toMatchObject({
      apiVersion: 'org.containers.bootc/v1',
      kind: 'BootcHost',
      status: { booted: null, type: null },
    });
    // Where nobody watches bootc answers in YAML.
    expect(bootc('status').stdout).toMatch(/^apiVersion: org\.containers\.bootc\/v1\nkind: BootcHost\n/);
    expect(bootc('status', '--format=humanreadable')).toMatchObject({ status: 1, stdout: '' });
  });

  test.each([
    ['upgrade', '--check'],
    ['upgrade', '--download-only', '--quiet'],
    ['upgrade', '--from-downloaded', '--apply'],
    ['update', '--tag', 'v2'],
    ['switch', '--transport', 'oci', '--retain', '--enforce-container-sigpolicy', '/nowhere:v2'],
    ['rollback', '--apply'],
    ['edit', '-f', '-'],
    ['usroverlay', '--read-only'],
    ['loader-entries', 'set-options-for-source', '--source', 'tuned', '--options', 'isolcpus=1-3 nohz'],
    ['image', 'list', '--type', 'host'],
    ['image', 'copy-to-storage', '--target', 'localhost/x'],
  ])('%s %s ends with 1 and one error', (...args) => {
    const result = bootc(...args);
    expect(result).toMatchObject({ status: 1, stdout: '' });
    expect(result.stderr).toMatch(/^error: cannot .+\n/);
  });

  test.each([
    ['upgrade', '--check', '--apply'],
    ['upgrade', '--download-only', '--apply'],
    ['upgrade', '--progress-fd', '2'],
    ['switch'],
    ['loader-entries', 'set-options-for-source'],
    ['image', 'list', '--format', 'yaml'],
  ])('%s %s %s is no command line', (...args) => {
    expect(bootc(...args)).toMatchObject({ status: 2, stdout: '' });
  });
});

test('image list is a table, or JSON', () => {
  expect(bootc('image', 'list')).toMatchObject({ status: 0, stdout: 'REPOSITORY  TYPE\n' });
  expect(bootc('image', 'list', '--type', 'logical', '--format', 'json')).toMatchObject({
    status: 0,
    stdout: '[]\n',
  });
});

describe('container', () => {
  test('lint passes a sound image and names what is wrong with another', async () => {
    const root = await soundRoot();
    const sound = bootc('container', 'lint', '--fatal-warnings', '--rootfs', root);
    expect(sound).toMatchObject({ status: 0 });
    expect(sound.stdout).toMatch(/^Checks passed: \d+\n$/);

    await writeFile(join(root, 'boot/left'), 'x');
    expect(bootc('container', 'lint', '--rootfs', root)).toMatchObject({ status: 0 });
    const strict = bootc('container', 'lint', '--rootfs', root, '--fatal-warnings', '--json');
    expect(strict.status).toBe(1);
    expect(JSON.parse(strict.stdout)).toMatchObject({
      fatal: 0,
      warnings: 1,
      failed: [{ name: 'nonempty-boot', level: 'warning' }],
    });
    const skipped = bootc(
      'container',
      'lint',
      '--rootfs',
      root,
      '--fatal-warnings',
      '--skip',
      'nonempty-boot',
    );
    expect(skipped.status).toBe(0);

    await writeFile(join(root, 'usr/lib/bootc/kargs.d/20.toml'), 'karg = []\n');
    const fatal = bootc('container', 'lint', '--rootfs', root);
    expect(fatal.status).toBe(1);
    expect(fatal.stdout).toMatch(/^Fatal: bootc-kargs\n  cannot read .*20\.toml/m);
  });

  test('inspect tells kernel and arguments', async () => {
    const { stdout } = bootc('container', 'inspect', '--json', '--rootfs', await soundRoot());
    expect(JSON.parse(stdout)).toEqual({
      kargs: ['quiet', 'console=ttyS0'],
      kernel: { version: '6.12', unified: false },
    });
  });
});

test('completion is for bootc', () => {
  expect(bootc('completion', 'bash').stdout).toContain('complete -F _bootc bootc');
});
