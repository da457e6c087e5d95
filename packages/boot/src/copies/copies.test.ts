import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { makeTempDir, type TempDir } from '@slipway/core';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { bootEntryFiles, deploymentEntry } from '../entry.ts';
import { bootEntryText } from '../entry-files.ts';
import { readBootEntries } from '../esp.ts';
import { kernelDirectory } from '../kernel-directory.ts';
import { applyStep, copyEsp } from './copy-esp.ts';
import { readCopyVersion } from './copy-version.ts';
import { type EspContents, espSum, readEspContents } from './esp-contents.ts';
import { copyDifferences, planCopy } from './plan-copy.ts';

let temp: TempDir;
let source: string;
let target: string;
beforeEach(async () => {
  temp = await makeTempDir('copies');
  source = join(temp.path, 'source');
  target = join(temp.path, 'target');
});
afterEach(async () => {
  await temp[Symbol.asyncDispose]();
});

const [A, B, C] = ['a', 'b', 'c'].map((letter) => letter.repeat(64)) as [string, string, string];

async function put(esp: string, files: Readonly<Record<string, string>>): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(esp, path)), { recursive: true });
    await writeFile(join(esp, path), text);
  }
}

/** A boot partition with these entries, each with its kernel: file names of entries by deployment. */
async function putEsp(esp: string, entries: Readonly<Record<string, string>>): Promise<void> {
  await put(esp, { 'EFI/BOOT/BOOTX64.EFI': 'loader', 'loader/loader.conf': 'timeout 1\n' });
  for (const [fileName, id] of Object.entries(entries)) {
    const directory = kernelDirectory(id);
    const entry = deploymentEntry({ title: id, kernelDirectory: directory, options: `composefs=${id}` });
    await put(esp, {
      [`loader/entries/${fileName}`]: bootEntryText(entry),
      [`${directory}/linux`]: `kernel ${id}`,
      [`${directory}/initrd`]: `initrd ${id}`,
    });
  }
}

async function read(esp: string): Promise<EspContents> {
  return await readEspContents(esp, { thorough: true });
}

/** Deployments that a boot loader would find here, in its order, as far as their files are there. */
async function startable(esp: string): Promise<readonly string[]> {
  const found = (await read(esp)).files;
  const { entries } = await readBootEntries(esp);
  return entries
    .filter(({ entry }) => bootEntryFiles(entry).every((path) => found.has(path.slice(1).toLowerCase())))
    .map(({ entry }) => entry.fields.find(({ key }) => key === 'title')?.value[0] ?? '');
}

describe('one boot partition is made like another', () => {
  test.each<[string, Readonly<Record<string, string>>, Readonly<Record<string, string>>, readonly string[]]>([
    ['an update', { 'slipway-1.conf': A, 'slipway-2+3.conf': B }, { 'slipway-1.conf': A }, ['a', 'b']],
    [
      'an update that took the place of another',
      { 'slipway-2.conf': B, 'slipway-3+3.conf': C },
      { 'slipway-1.conf': A, 'slipway-2.conf': B },
      ['b', 'c'],
    ],
    [
      'everything is other',
      { 'slipway-3.conf': C },
      { 'slipway-1.conf': A, 'slipway-2.conf': B },
      ['a', 'b', 'c'],
    ],
    [
      'another of the same number',
      { 'slipway-1.conf': A, 'slipway-2.conf': C },
      { 'slipway-1.conf': A, 'slipway-2.conf': B },
      ['a'],
    ],
    [
      'attempts',
      { 'slipway-1.conf': A, 'slipway-2+1-2.conf': B },
      { 'slipway-1.conf': A, 'slipway-2+3.conf': B },
      ['a', 'b'],
    ],
    [
      'the one both have failed',
      { 'slipway-2+0-3.conf': B, 'slipway-3+3.conf': C },
      { 'slipway-1.conf': A, 'slipway-2+0-3.conf': B },
      ['a', 'c'],
    ],
    ['nothing is there', { 'slipway-1.conf': A }, {}, []],
  ])('and starts a machine after every step: %s', async (_, wanted, present, allowed) => {
    await putEsp(source, wanted);
    await putEsp(target, present);
    const steps = planCopy(await read(source), await read(target));
    for (const step of steps.slice(0, -1)) {
      await applyStep(source, target, step);
      const now = await startable(target);
      if (allowed.length > 0) expect(allowed, JSON.stringify(step)).toContain(now[0]);
    }
    // What a cut left is finished by whoever compares them next.
    await copyEsp(await read(source), await read(target), { number: 7, sum: 'x' });
    expect(espSum(await read(target))).toBe(espSum(await read(source)));
    expect(await readCopyVersion(target)).toEqual({ number: 7, sum: 'x' });
    expect(planCopy(await read(source), await read(target))).toEqual([]);
  });

  test('what belongs to one of them alone, and what others put there, stays', async () => {
    await putEsp(source, { 'slipway-1.conf': A });
    await put(source, { 'loader/random-seed': 'one', 'loader/entries/.slipway-9.conf.tmp': 'half' });
    await putEsp(target, { 'slipway-1.conf': A });
    await put(target, { 'loader/random-seed': 'two', 'EFI/vendor/log': 'x' });
    expect(planCopy(await read(source), await read(target))).toEqual([]);
  });

  test('the menu of GRUB comes after the entries it is made of', async () => {
    await putEsp(source, { 'slipway-1.conf': A });
    await put(source, { 'grub/entries.cfg': 'menu' });
    await mkdir(target);
    const paths = planCopy(await read(source), await read(target)).map((step) =>
      'path' in step ? step.path : '',
    );
    expect(paths.slice(-3)).toEqual([
      'loader/loader.conf',
      'loader/entries/slipway-1.conf',
      'grub/entries.cfg',
    ]);
  });

  test('a kernel that was lost on the source is not taken from the copy', async () => {
    await putEsp(source, { 'slipway-1.conf': A });
    await rm(join(source, kernelDirectory(A)), { recursive: true });
    await putEsp(target, { 'slipway-1.conf': A, 'slipway-2.conf': B });
    for (const step of planCopy(await read(source), await read(target)))
      await applyStep(source, target, step);
    expect(await readdir(join(target, 'EFI/Linux'))).toEqual([`slipway-${A}`]);
  });

  test('what differs is told; large files only where they are read', async () => {
    await putEsp(source, { 'slipway-1.conf': A, 'slipway-2.conf': B });
    await putEsp(target, { 'slipway-1.conf': A, 'slipway-3.conf': C });
    await put(target, { 'loader/loader.conf': 'timeout 9\n' });
    expect(copyDifferences(await read(source), await read(target)).toSorted()).toEqual([
      `EFI/Linux/slipway-${B}/initrd is missing`,
      `EFI/Linux/slipway-${B}/linux is missing`,
      `EFI/Linux/slipway-${C} is left over`,
      'loader/entries/slipway-2.conf is missing',
      'loader/entries/slipway-3.conf is left over',
      'loader/loader.conf differs',
    ]);
    const large = (letter: string) => ({ 'EFI/Linux/large.efi': letter.repeat(2 * 1024 ** 2) });
    await put(source, large('x'));
    await put(target, large('y'));
    const quickly = async (esp: string) =>
      (await readEspContents(esp, { thorough: false })).files.get('efi/linux/large.efi');
    expect(await quickly(target)).toEqual(await quickly(source));
    expect(copyDifferences(await read(source), await read(target))).toContain('EFI/Linux/large.efi differs');
  });
});

test.each(['', '{', '{"number":"7"}', 'null', '7'])(
  'a damaged version is older than any: %j',
  async (text) => {
    await put(source, { 'loader/slipway-copy.json': text });
    expect(await readCopyVersion(source)).toEqual({ number: 0, sum: '' });
    expect(await readCopyVersion(target)).toEqual({ number: 0, sum: '' });
  },
);
