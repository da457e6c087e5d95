import { expect, test } from 'vitest';
import { overlayArguments } from './mount-usr-overlay.ts';
import { usrOverlayOf } from './usr-overlay.ts';

const ROOT = `1 0 0:1 / / ro - overlay composefs:${'ab'.repeat(32)} ro`;
const layer = (how: string) => `2 1 0:2 / /usr ${how},relatime shared:1 - overlay slipway-usr-overlay ${how}`;

test.each([
  ['none', ROOT, null],
  ['a writable one', `${ROOT}\n${layer('rw')}\n`, { accessMode: 'readWrite', persistence: 'transient' }],
  ['one that is not', `${ROOT}\n${layer('ro')}\n`, { accessMode: 'readOnly', persistence: 'transient' }],
  ['something else on /usr', `${ROOT}\n2 1 0:2 / /usr rw - ext4 /dev/sda1 rw`, null],
])('%s', (_what, mountInfo, expected) => {
  expect(usrOverlayOf(mountInfo)).toEqual(expected);
});

test('mounts the layer over /usr itself', () => {
  expect(overlayArguments('/run/x', 'readOnly')).toEqual([
    '-t',
    'overlay',
    '-o',
    'ro,lowerdir=/usr,upperdir=/run/x/upper,workdir=/run/x/work',
    'slipway-usr-overlay',
    '/usr',
  ]);
});
