import { describe, expect, test } from 'vitest';
import { adoptionWords, giveBackWords } from './adoption.ts';

const ID = 'ab'.repeat(64);

describe('a host that changes hands', () => {
  test('says each step, and whether it was taken', () => {
    const steps = [
      { kind: 'write-entry', fileName: 'slipway-1.conf', deployment: ID },
      { kind: 'remove-entry', fileName: 'bootc_x-1-1.conf', deployment: ID },
      { kind: 'record' },
    ] as const;
    expect(adoptionWords({ kind: 'would-adopt', steps })).toEqual([
      'would write the boot entry slipway-1.conf of abababababab',
      'would remove the boot entry bootc_x-1-1.conf of abababababab',
    ]);
    expect(adoptionWords({ kind: 'adopted', steps })).toEqual([
      'write the boot entry slipway-1.conf of abababababab',
      'remove the boot entry bootc_x-1-1.conf of abababababab',
      "this host is Slipway's: slipway status shows what it has",
    ]);
    expect(adoptionWords({ kind: 'nothing-to-do', steps: [] })).toHaveLength(1);
  });

  test('says what goes back, and what bootc will not keep', () => {
    const steps = [
      { kind: 'write-streams', deployment: ID },
      { kind: 'write-kernel', deployment: ID, directory: '/EFI/Linux/bootc_composefs-x' },
      { kind: 'tidy' },
      { kind: 'forget' },
    ] as const;
    expect(giveBackWords({ kind: 'would-give-back', steps, left: [ID] })).toEqual([
      'would write what bootc wants to know of abababababab to the object store',
      'would write the kernel of abababababab to /EFI/Linux/bootc_composefs-x',
      'bootc will remove the deployment abababababab: it keeps two',
    ]);
    expect(giveBackWords({ kind: 'nothing-to-do', steps: [], left: [] })).toEqual(["this host is bootc's"]);
  });
});
