import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isSlipwayError, makeTempDir } from '@slipway/core';
import { describe, expect, test } from 'vitest';
import { deploymentEntry } from './entry.ts';
import { removeBootEntry, writeBootEntry, writeLoaderConf } from './entry-files.ts';
import { slipwayEntryName } from './entry-name.ts';
import { readBootEntries } from './esp.ts';
import { kernelDirectory } from './kernel-directory.ts';
import {
  checkBootSpace,
  type KernelPair,
  kernelDirectorySizes,
  planKernel,
  removeUnusedKernels,
  writeKernel,
} from './kernel-files.ts';

const A = 'aa'.repeat(32);
const B = 'bb'.repeat(32);

function pairOf(linux: string, initrd: string): KernelPair {
  const file = (text: string) => ({
    sizeBytes: text.length,
    async *open() {
      yield Buffer.from(text);
    },
  });
  return { linux: file(linux), initrd: file(initrd) };
}

function entryOf(directory: string, id: string) {
  return deploymentEntry({ title: 'Test', kernelDirectory: directory, options: `composefs=${id}` });
}

describe('an ESP', () => {
  test('without anything has no entries', async () => {
    await using dir = await makeTempDir('esp');
    expect(await readBootEntries(dir.path)).toEqual({ entries: [], problems: [] });
  });

  test('lists entries in boot order and reports what is none', async () => {
    await using dir = await makeTempDir('esp');
    await writeBootEntry(dir.path, slipwayEntryName(9), entryOf(kernelDirectory(A), A));
    await writeBootEntry(dir.path, slipwayEntryName(10), entryOf(kernelDirectory(B), B));
    const entries = join(dir.path, 'loader/entries');
    await writeFile(join(entries, 'bad.conf'), 'PK\x03\x04\0');
    await writeFile(join(entries, 'bad name.conf'), 'title a\n');
    await writeFile(join(entries, '.slipway-11.conf.tmp'), 'title half');
    const read = await readBootEntries(dir.path);
    expect(read.entries.map(({ fileName }) => fileName)).toEqual(['slipway-10+3.conf', 'slipway-9+3.conf']);
    expect(read.problems.map(({ fileName }) => fileName)).toEqual(['bad name.conf', 'bad.conf']);
    await removeBootEntry(dir.path, 'slipway-10+3.conf');
    await removeBootEntry(dir.path, 'slipway-10+3.conf');
    expect((await readBootEntries(dir.path)).entries).toHaveLength(1);
  });

  test('holds equal kernels once', async () => {
    await using dir = await makeTempDir('esp');
    const pair = pairOf('kernel', 'initrd');
    const first = await planKernel(dir.path, A, pair);
    expect(first).toMatchObject({ directory: kernelDirectory(A), shared: false });
    await checkBootSpace(dir.path, first);
    await writeKernel(dir.path, first, pair);
    expect(await planKernel(dir.path, B, pair)).toEqual({
      ...first,
      shared: true,
      neededBytes: 0,
    });
    expect((await planKernel(dir.path, B, pairOf('kernel', 'INITRD'))).shared).toBe(false);
    expect((await planKernel(dir.path, B, pairOf('kerneli', 'nitrd'))).shared).toBe(false);
  });

  test('repairs a damaged kernel rather than share it', async () => {
    await using dir = await makeTempDir('esp');
    const pair = pairOf('kernel', 'initrd');
    await writeKernel(dir.path, await planKernel(dir.path, A, pair), pair);
    const path = join(dir.path, kernelDirectory(A), 'linux');
    await writeFile(path, 'kErnel');
    const plan = await planKernel(dir.path, A, pair);
    expect(plan.shared).toBe(false);
    await writeKernel(dir.path, plan, pair);
    expect(await readFile(path, 'utf8')).toBe('kernel');
  });

  test('names the bytes when there is no room', async () => {
    await using dir = await makeTempDir('esp');
    const huge = { ...pairOf('', '').linux, sizeBytes: 1e18 };
    const plan = await planKernel(dir.path, A, { linux: huge, initrd: huge });
    const thrown: unknown = await checkBootSpace(dir.path, plan).catch((error: unknown) => error);
    expect(isSlipwayError(thrown, 'BOOT_SPACE') && thrown.details).toMatchObject({
      fileSystem: dir.path,
      neededBytes: plan.neededBytes,
    });
  });

  test('loses only kernels nothing names', async () => {
    await using dir = await makeTempDir('esp');
    const kernels = join(dir.path, 'EFI/Linux');
    for (const id of [A, B, 'cc'.repeat(32)]) {
      const pair = pairOf(id, 'initrd');
      await writeKernel(dir.path, await planKernel(dir.path, id, pair), pair);
    }
    await mkdir(join(kernels, 'slipway-by-hand'));
    await writeFile(join(kernels, 'other.efi'), 'x');
    const removed = await removeUnusedKernels(
      dir.path,
      [entryOf(kernelDirectory(A).toUpperCase(), A)],
      [kernelDirectory(B)],
    );
    expect(removed).toEqual([kernelDirectory('cc'.repeat(32))]);
    expect((await readdir(kernels)).toSorted()).toEqual([
      'other.efi',
      `slipway-${A}`,
      `slipway-${B}`,
      'slipway-by-hand',
    ]);
  });

  test('counts the kernels bootc left only where it is told to', async () => {
    await using dir = await makeTempDir('esp');
    const pair = pairOf('kernel', 'initrd');
    const both = { namings: ['slipway', 'bootc'] } as const;
    const plan = await planKernel(dir.path, A, pair, { namings: ['bootc'] });
    expect(plan.directory).toBe(`/EFI/Linux/bootc_composefs-${A}`);
    await writeKernel(dir.path, plan, pair);
    expect(await readdir(join(dir.path, plan.directory))).toEqual(['initrd', 'vmlinuz']);
    expect((await planKernel(dir.path, B, pair)).shared).toBe(false);
    expect(await planKernel(dir.path, B, pair, both)).toMatchObject({
      directory: plan.directory,
      shared: true,
    });
    expect([...(await kernelDirectorySizes(dir.path)).keys()]).toEqual([]);
    expect([...(await kernelDirectorySizes(dir.path, both)).keys()]).toEqual([plan.directory]);
    expect(await removeUnusedKernels(dir.path, [])).toEqual([]);
    const entry = deploymentEntry({ title: 'x', kernelDirectory: plan.directory, options: 'x' });
    expect(await removeUnusedKernels(dir.path, [entry], [], both)).toEqual([]);
    expect(await removeUnusedKernels(dir.path, [], [], both)).toEqual([plan.directory]);
  });

  test('gets a loader.conf', async () => {
    await using dir = await makeTempDir('esp');
    await writeLoaderConf(dir.path, { timeoutSeconds: 5 });
    expect(await readFile(join(dir.path, 'loader/loader.conf'), 'utf8')).toBe('timeout 5\n');
  });
});
