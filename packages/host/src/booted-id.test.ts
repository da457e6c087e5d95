import { expect, test } from 'vitest';
import { bootedDeploymentId } from './booted-id.ts';

const ID = 'ab'.repeat(32);
const mount = (point: string, type: string, source: string): string =>
  `21 1 0:20 / ${point} ro,relatime shared:1 - ${type} ${source} ro,lowerdir=x\n`;

test.each([
  ['a deployment', mount('/', 'overlay', `composefs:${ID}`), ID],
  ['one of sha512', mount('/', 'overlay', `composefs:${ID}${ID}`), ID + ID],
  [
    'the last of several roots',
    mount('/', 'rootfs', 'rootfs') + mount('/', 'overlay', `composefs:${ID}`),
    ID,
  ],
  [
    'a root over a deployment',
    mount('/', 'overlay', `composefs:${ID}`) + mount('/', 'tmpfs', 'x'),
    undefined,
  ],
  ['a deployment elsewhere', mount('/mnt', 'overlay', `composefs:${ID}`), undefined],
  ['another system', mount('/', 'ext4', '/dev/vda1'), undefined],
  ['no digest', mount('/', 'overlay', 'composefs:../../etc'), undefined],
  ['nothing', '', undefined],
  ['nonsense', 'a - b\n - \n', undefined],
])('%s', (_what, mountInfo, id) => {
  expect(bootedDeploymentId(mountInfo)).toBe(id);
});
