import { describe, expect, test } from 'vitest';
import { type BootcEntry, bootcEntry, isBootcEntry } from './bootc-entry.ts';
import { bootEntryOptions, bootEntryValue, deploymentEntry, formatBootEntry } from './entry.ts';
import { parseEntryName, slipwayEntryName } from './entry-name.ts';
import { compareBootEntries, type OrderedEntry } from './entry-order.ts';
import { kernelDirectory, kernelNaming, kernelPaths } from './kernel-directory.ts';

const ID = 'ab'.repeat(64);
const WANTED: BootcEntry = {
  place: 'primary',
  osId: 'fedora-coreos',
  title: 'Fedora CoreOS 43',
  version: '43.1',
  kernelDirectory: kernelDirectory(ID, 'bootc'),
  options: `root=UUID=1 composefs=${ID}`,
};

function ordered({ fileName, entry }: ReturnType<typeof bootcEntry>): OrderedEntry {
  const name = parseEntryName(fileName);
  if (name === undefined) throw new Error(fileName);
  return { name, entry };
}

describe('entries of bootc', () => {
  test('are called and sorted as bootc does', () => {
    const { fileName, entry } = bootcEntry(WANTED);
    expect(fileName).toBe('bootc_fedora_coreos-43.1-1.conf');
    expect(formatBootEntry(entry)).toBe(
      [
        'title Fedora CoreOS 43',
        'version 43.1',
        'sort-key bootc-fedora-coreos-0',
        `linux /EFI/Linux/bootc_composefs-${ID}/vmlinuz`,
        `initrd /EFI/Linux/bootc_composefs-${ID}/initrd`,
        `options root=UUID=1 composefs=${ID}`,
        '',
      ].join('\n'),
    );
    const secondary = bootcEntry({ ...WANTED, place: 'secondary' });
    expect(secondary.fileName).toBe('bootc_fedora_coreos-43.1-0.conf');
    expect(bootEntryValue(secondary.entry, 'sort-key')).toBe('bootc-fedora-coreos-1');
  });

  test('stand before those of Slipway, the primary first, whatever the versions', () => {
    const primary = ordered(bootcEntry({ ...WANTED, version: '1' }));
    const secondary = ordered(bootcEntry({ ...WANTED, version: '2', place: 'secondary' }));
    const slipway = { title: 'x', kernelDirectory: kernelDirectory(ID), options: 'x' };
    const own = ordered({ fileName: slipwayEntryName(9), entry: deploymentEntry(slipway) });
    expect([own, secondary, primary].toSorted(compareBootEntries)).toEqual([primary, secondary, own]);
    expect([primary, secondary, own].map(isBootcEntry)).toEqual([true, true, false]);
  });

  test('of versions that cannot stand in a file name have another name', () => {
    const { fileName, entry } = bootcEntry({ ...WANTED, osId: 'x', version: '13 (trixie)+~1\n' });
    expect(fileName).toBe('bootc_x-13__trixie___1_-1.conf');
    expect(bootEntryValue(entry, 'version')).toBe('13 (trixie)+~1');
    expect(bootEntryOptions(entry)).toBe(WANTED.options);
  });

  test('by hand are not of bootc because of their name alone', () => {
    const entry = { fields: [{ key: 'linux', value: '/l' }] };
    expect(isBootcEntry(ordered({ fileName: 'bootc_mine.conf', entry }))).toBe(false);
  });
});

describe('kernel directories', () => {
  test('are known by their names, and so are the files in them', () => {
    expect(kernelPaths(kernelDirectory(ID))).toEqual({
      linux: `/EFI/Linux/slipway-${ID}/linux`,
      initrd: `/EFI/Linux/slipway-${ID}/initrd`,
    });
    expect(kernelNaming(`bootc_composefs-${ID}`)).toBe('bootc');
    expect(kernelNaming(`slipway-${ID}`)).toBe('slipway');
    expect(kernelNaming(`bootc_composefs-${ID}x`)).toBeUndefined();
    expect(kernelNaming('debian')).toBeUndefined();
  });
});
