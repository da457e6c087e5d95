import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeTempDir, run } from '@slipway/core';
import { describe, expect, test } from 'vitest';
import { deploymentEntry, parseBootEntry } from '../entry.ts';
import { removeBootEntry, renameBootEntry, writeBootEntry } from '../entry-files.ts';
import { parseEntryName } from '../entry-name.ts';
import type { OrderedEntry } from '../entry-order.ts';
import { readBootEntries } from '../esp.ts';
import { parseKernelCommandLine } from '../kernel-command-line.ts';
import { grubStartedEntry, withoutGrubArguments } from './arguments.ts';
import { blessGrubEntry } from './bless.ts';
import { counterVariable, formatGrubCounters, parseGrubCounters } from './environment.ts';
import { grubConfiguration, grubMenu, isWholeMenu, menuEntryIds } from './menu.ts';
import { grubFiles, refreshGrubMenu } from './refresh.ts';

function ordered(fileName: string, options = 'root=UUID=1 rw', title = 'Debian 13'): OrderedEntry {
  const name = parseEntryName(fileName);
  if (name === undefined) throw new Error(`${fileName} is no entry`);
  return { name, entry: deploymentEntry({ title, kernelDirectory: '/EFI/Linux/slipway-x', options }) };
}

/** A boot partition with GRUB and no entries. */
async function grubEsp(directory: string): Promise<string> {
  await mkdir(join(directory, 'grub'), { recursive: true });
  await mkdir(join(directory, 'loader/entries'), { recursive: true });
  for (const [path, bytes] of grubFiles([], { timeoutSeconds: 2 }))
    await writeFile(join(directory, path), bytes);
  return directory;
}

const menuOf = (esp: string): Promise<string> => readFile(join(esp, 'grub/entries.cfg'), 'utf8');
const names = async (esp: string): Promise<readonly string[]> =>
  (await readdir(join(esp, 'loader/entries'))).toSorted();

/** What GRUB does when it starts an entry. */
async function count(esp: string, base: string, triesLeft: number, triesDone: number): Promise<void> {
  const path = join(esp, 'grub/grubenv');
  const counters = parseGrubCounters(await readFile(path)) ?? new Map();
  await writeFile(path, formatGrubCounters(new Map([...counters, [base, { triesLeft, triesDone }]])));
}

describe('a menu', () => {
  test.each([
    ['none', []],
    ['counted and good ones', [ordered('slipway-2+3.conf'), ordered('slipway-1.conf')]],
    [
      'one with quotes',
      [
        ordered(
          'slipway-1.conf',
          `dyndbg="file a.c +p" init='x' a=$b;c -- quiet`,
          `Bob's "best" $HOME; \`id\``,
        ),
      ],
    ],
    ['spent ones', [ordered('slipway-3+0-3.conf'), ordered('slipway-2+0-1.conf')]],
  ])('is a script GRUB understands: %s', async (_, entries) => {
    await using directory = await makeTempDir('grub');
    for (const [name, text] of [
      ['menu', grubMenu(entries)],
      ['grub', grubConfiguration({ timeoutSeconds: 2 })],
    ] as const) {
      const path = join(directory.path, `${name}.cfg`);
      await writeFile(path, text);
      await run(['grub-script-check', path], { describe: 'check a script', debianPackage: 'grub-common' });
    }
    expect(isWholeMenu(grubMenu(entries))).toBe(true);
    expect([...menuEntryIds(grubMenu(entries))].toSorted()).toEqual(
      entries.map(({ name }) => name.base).toSorted(),
    );
  });

  test('is one command: cut anywhere it is none', () => {
    const menu = grubMenu([ordered('slipway-2+3.conf'), ordered('slipway-1.conf')]);
    for (let length = 0; length < menu.length; length++)
      expect(isWholeMenu(menu.slice(0, length))).toBe(false);
    expect(menu).toMatch(/^# .*\nif \[ .* \]; then\n[^]*\nset slipway_menu=whole\nfi\n# End of the menu.\n$/);
  });

  test('counts every attempt down before it loads anything', () => {
    const lines = grubMenu([ordered('slipway-2+2-1.conf')]).split('\n');
    const start = lines.findIndex((line) => line.startsWith('menuentry'));
    expect(lines.slice(start, start + 7)).toEqual([
      `menuentry 'Debian 13' --id slipway-2 {`,
      'if [ "$tries_slipway_2d2" = 2-1 ]; then set tries_slipway_2d2=1-2',
      'elif [ "$tries_slipway_2d2" = 1-2 ]; then set tries_slipway_2d2=0-3',
      'fi',
      'save_env tries_slipway_2d2',
      `linux '/EFI/Linux/slipway-x/linux' 'root=UUID=1' 'rw' slipway.entry=slipway-2+$tries_slipway_2d2.conf slipway.boot=$slipway_boot`,
      `initrd '/EFI/Linux/slipway-x/initrd'`,
    ]);
  });

  test('leaves out what no BIOS starts', () => {
    const name = parseEntryName('windows.conf');
    const entry = parseBootEntry('title Windows\nefi /EFI/Microsoft/bootmgfw.efi\n', 'windows.conf');
    expect(menuEntryIds(grubMenu(name === undefined ? [] : [{ name, entry }]))).toEqual(new Set());
  });
});

describe('the environment block', () => {
  test('keeps counters of entries with any name', () => {
    const counters = new Map([
      ['slipway-12', { triesLeft: 2, triesDone: 1 }],
      ['a.b_c-D', { triesLeft: 0, triesDone: 3 }],
    ]);
    const block = formatGrubCounters(counters);
    expect(block.length).toBe(1024);
    expect(parseGrubCounters(block)).toEqual(counters);
    expect(counterVariable('a.b_c-D')).toMatch(/^[A-Za-z0-9_]+$/);
  });

  test('is read by grub-editenv', async () => {
    await using directory = await makeTempDir('grub');
    const path = join(directory.path, 'grubenv');
    await writeFile(path, formatGrubCounters(new Map([['slipway-1', { triesLeft: 2, triesDone: 1 }]])));
    const edit = ['grub-editenv', path] as const;
    const { stdout } = await run([...edit, 'list'], { describe: 'list', debianPackage: 'grub-common' });
    expect(stdout.toString()).toBe('tries_slipway_2d1=2-1\n');
    await run([...edit, 'set', 'tries_slipway_2d1=1-2', 'other=x'], { describe: 'set' });
    expect(parseGrubCounters(await readFile(path))).toEqual(
      new Map([['slipway-1', { triesLeft: 1, triesDone: 2 }]]),
    );
  });

  test('that is damaged is none', () => {
    expect(parseGrubCounters(Buffer.alloc(1024))).toBeUndefined();
    expect(parseGrubCounters(formatGrubCounters(new Map()).subarray(1))).toBeUndefined();
    const odd = `# GRUB Environment Block\ntries_a=9999-1\ntries__zz=1-1\n=\ntries_b\ntries_c=1-2\n`.padEnd(
      1024,
      '#',
    );
    expect(parseGrubCounters(Buffer.from(odd))).toEqual(new Map([['c', { triesLeft: 1, triesDone: 2 }]]));
  });

  test('refuses more than it holds', () => {
    const many = Array.from(
      { length: 60 },
      (_, index) => [`slipway-${index}`, { triesLeft: 3, triesDone: 0 }] as const,
    );
    expect(() => formatGrubCounters(new Map(many))).toThrow(/60 boot counters/);
  });
});

describe('a boot partition with GRUB', () => {
  test('has a menu that follows its entries', async () => {
    await using directory = await makeTempDir('esp');
    const esp = await grubEsp(directory.path);
    const { entry } = ordered('slipway-1.conf');
    await writeBootEntry(esp, 'slipway-1.conf', entry);
    const first = await menuOf(esp);
    await writeBootEntry(esp, 'slipway-2+3.conf', entry);
    expect(menuEntryIds(await menuOf(esp))).toEqual(new Set(['slipway-1', 'slipway-2']));
    expect(await readFile(join(esp, 'grub/entries.old.cfg'), 'utf8')).toBe(first);
    expect(await menuOf(esp)).toContain('set tries_slipway_2d2=3-0');
    await renameBootEntry(esp, 'slipway-2+3.conf', 'slipway-2.conf');
    expect(await menuOf(esp)).not.toContain('tries_');
    await removeBootEntry(esp, 'slipway-1.conf');
    expect(menuEntryIds(await menuOf(esp))).toEqual(new Set(['slipway-2']));
  });

  test('shows attempts GRUB counted, then names entries by them', async () => {
    await using directory = await makeTempDir('esp');
    const esp = await grubEsp(directory.path);
    const { entry } = ordered('slipway-1.conf');
    await writeBootEntry(esp, 'slipway-1.conf', entry);
    await writeBootEntry(esp, 'slipway-2+3.conf', entry);
    await count(esp, 'slipway-2', 0, 3);
    const read = await readBootEntries(esp);
    expect(read.entries.map(({ fileName, name }) => [fileName, name.counter])).toEqual([
      ['slipway-1.conf', undefined],
      ['slipway-2+3.conf', { triesLeft: 0, triesDone: 3 }],
    ]);
    await refreshGrubMenu(esp);
    expect(await names(esp)).toEqual(['slipway-1.conf', 'slipway-2+0-3.conf']);
    expect(parseGrubCounters(await readFile(join(esp, 'grub/grubenv')))).toEqual(new Map());
    // A second time there is nothing to do, and nothing is written.
    const before = await menuOf(esp);
    expect(await refreshGrubMenu(esp)).toEqual({ known: new Set(['slipway-1', 'slipway-2']) });
    expect(await menuOf(esp)).toBe(before);
  });

  test('gives an entry its attempts, whatever one of the same name had', async () => {
    await using directory = await makeTempDir('esp');
    const esp = await grubEsp(directory.path);
    await count(esp, 'slipway-2', 0, 3);
    await writeBootEntry(esp, 'slipway-2+3.conf', ordered('slipway-2.conf').entry);
    expect((await readBootEntries(esp)).entries.map(({ name }) => name.counter)).toEqual([
      { triesLeft: 3, triesDone: 0 },
    ]);
  });

  test('ends counting when a boot is good', async () => {
    await using directory = await makeTempDir('esp');
    const esp = await grubEsp(directory.path);
    await writeBootEntry(esp, 'slipway-2+3.conf', ordered('slipway-2.conf').entry);
    await count(esp, 'slipway-2', 2, 1);
    const started = grubStartedEntry('BOOT_IMAGE=/x quiet slipway.entry=slipway-2+2-1.conf slipway.boot=1-2');
    expect(started).toEqual({ base: 'slipway-2', counter: { triesLeft: 2, triesDone: 1 } });
    expect(await blessGrubEntry(esp, 'slipway-2')).toBe(true);
    expect(await names(esp)).toEqual(['slipway-2.conf']);
    expect(await blessGrubEntry(esp, 'slipway-2')).toBe(false);
    expect(await blessGrubEntry(esp, 'slipway-9')).toBe(false);
  });

  test('mends an environment block that is damaged or gone', async () => {
    await using directory = await makeTempDir('esp');
    const esp = await grubEsp(directory.path);
    await writeFile(join(esp, 'grub/grubenv'), 'PK');
    await refreshGrubMenu(esp);
    expect(parseGrubCounters(await readFile(join(esp, 'grub/grubenv')))).toEqual(new Map());
  });

  test('a partition without GRUB gets none', async () => {
    await using directory = await makeTempDir('esp');
    await writeBootEntry(directory.path, 'slipway-1.conf', ordered('slipway-1.conf').entry);
    expect(await readdir(directory.path)).toEqual(['loader']);
    expect(await refreshGrubMenu(directory.path)).toBeUndefined();
  });
});

test('what GRUB adds to a command line is not kept', () => {
  const line = parseKernelCommandLine('quiet slipway.entry=a.conf slipway.boot=1 rw');
  expect(withoutGrubArguments(line).map(({ text }) => text)).toEqual(['quiet', 'rw']);
  expect(grubStartedEntry('quiet noslipway.entry=a.conf')).toBeUndefined();
});
