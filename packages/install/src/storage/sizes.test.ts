import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { SizingConfig } from '../config/types.ts';
import { fstabLines, storageRequest } from './request.ts';
import { extraSizes, leastExtraBytes } from './sizes.ts';

const MIB = 1024 ** 2;
const GIB = 1024 ** 3;

function sizes(
  partitions: readonly SizingConfig[],
  roomBytes: number,
  rootBytes: number,
  diskBytes: number,
): readonly number[] {
  const { extras } = storageRequest({ disk: { partitions } }, 'seed');
  return extraSizes(extras, roomBytes, rootBytes, diskBytes).map((bytes) => bytes / GIB);
}

test.each<[string, readonly SizingConfig[], readonly number[]]>([
  ['exactly', [{ size: 3 * GIB }], [3]],
  ['at least', [{ min: 2 * GIB }, { minsize: GIB }], [2, 1]],
  ['a share of the disk', [{ percent: 25 }], [5]],
  ['a share, at most', [{ percent: 50, max: 4 * GIB }], [4]],
  ['what is left, with the root', [{ min: GIB, grow: true }], [4]],
  [
    'what is left, shared',
    [
      { min: GIB, grow: true },
      { min: GIB, grow: true },
    ],
    [2.666_015_625, 2.666_015_625],
  ],
  [
    'what is left, one of them up to its most',
    [
      { min: GIB, max: 2 * GIB, grow: true },
      { min: GIB, grow: true },
    ],
    [2, 3],
  ],
])('%s', (_name, partitions, expected) => {
  const found = sizes(partitions, 10 * GIB, 3 * GIB, 20 * GIB);
  for (const [index, size] of found.entries()) expect(size).toBeCloseTo(expected[index] ?? 0, 2);
});

test('the root keeps what it needs and nobody gets less than promised', () => {
  const gib = fc.integer({ min: 0, max: 20 }).map((count) => count * 512 * MIB);
  const one = fc
    .record({ min: gib, grow: fc.boolean(), percent: fc.constantFrom(undefined, 5, 60, 100) })
    .map(({ min, grow, percent }) => (percent === undefined ? { min, grow } : { min, percent }));
  fc.assert(
    fc.property(fc.array(one, { maxLength: 6 }), gib, gib, (partitions, rootBytes, spareBytes) => {
      const { extras } = storageRequest({ disk: { partitions } }, 'seed');
      const roomBytes = leastExtraBytes(extras) + rootBytes + spareBytes;
      const found = extraSizes(extras, roomBytes, rootBytes, 2 * roomBytes);
      expect(found.reduce((sum, size) => sum + size, 0) + rootBytes).toBeLessThanOrEqual(roomBytes);
      for (const [index, size] of found.entries())
        expect(size).toBeGreaterThanOrEqual(partitions[index]?.min ?? 0);
    }),
  );
});

test('file systems are mounted by the UUIDs of their partitions', () => {
  const { extras } = storageRequest(
    {
      disk: {
        partitions: [
          { mountpoint: '/srv', size: GIB, mount_options: 'noatime' },
          { fs_type: 'none', size: GIB },
          { mountpoint: '/', min: GIB },
        ],
      },
      swap: { size: GIB },
    },
    'seed',
  );
  const [srv, , swap] = extras;
  expect(fstabLines(extras)).toBe(
    `PARTUUID=${srv?.uuid} /srv ext4 noatime,x-systemd.device-timeout=5min 0 2\nPARTUUID=${swap?.uuid} none swap defaults 0 0\n`,
  );
});
