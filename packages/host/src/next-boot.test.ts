import { compareBootEntries, deploymentEntry, parseEntryName } from '@slipway/boot';
import { describe, expect, test } from 'vitest';
import type { DeploymentBootEntry } from './deployment.ts';
import { planNextBoot } from './next-boot.ts';

/** Entries from `<file name>=<deployment>`, put in boot order. */
function entries(...texts: readonly string[]): readonly DeploymentBootEntry[] {
  return texts
    .map((text) => {
      const [fileName = '', id = ''] = text.split('=');
      const name = parseEntryName(fileName);
      if (name === undefined) throw new Error(text);
      const entry = deploymentEntry({ title: id, kernelDirectory: '/EFI/Linux/x', options: 'quiet' });
      return { fileName, name, entry, id, sequence: Number(/\d+/.exec(fileName)?.[0]) };
    })
    .toSorted(compareBootEntries);
}

describe('making a deployment the next to boot', () => {
  test('adds an entry before the others, with its attempts', () => {
    const change = planNextBoot(entries('slipway-2.conf=b', 'slipway-1.conf=a'), 'a', false);
    expect(change).toMatchObject({ kind: 'add', fileName: 'slipway-3+3.conf', from: { id: 'a' } });
  });

  test('removes what an earlier change added', () => {
    const present = entries('slipway-3+3.conf=a', 'slipway-2.conf=b', 'slipway-1.conf=a');
    expect(planNextBoot(present, 'b', true)).toEqual({ kind: 'remove', fileNames: ['slipway-3+3.conf'] });
  });

  test('changes nothing when it is the first already', () => {
    expect(planNextBoot(entries('slipway-2+1-2.conf=b', 'slipway-1.conf=a'), 'b', true)).toEqual({
      kind: 'none',
    });
  });

  test('gives one the boot loader gave up on its attempts anew', () => {
    const present = entries('slipway-2+0-3.conf=b', 'slipway-1.conf=a');
    expect(planNextBoot(present, 'b', false)).toMatchObject({ kind: 'add', fileName: 'slipway-3+3.conf' });
  });

  test('does not count one that runs and was found good', () => {
    const present = entries('slipway-2.conf=b', 'slipway-1.conf=a');
    expect(planNextBoot(present, 'a', true)).toMatchObject({ kind: 'add', fileName: 'slipway-3.conf' });
  });

  test('cannot without an entry of it', () => {
    expect(planNextBoot(entries('slipway-2.conf=b'), 'a', true)).toEqual({ kind: 'impossible' });
  });
});
