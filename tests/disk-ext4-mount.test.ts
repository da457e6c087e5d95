import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { makeTempDir } from '@slipway/core';
import { type DiskFile, deriveUuid, openRawTarget, planExt4, writeExt4 } from '@slipway/disk';
import { expect, test } from 'vitest';
import { directory, file, meta, noise } from './harness/disk-trees.ts';
import { expectMounted, mountReadOnly } from './harness/mounted-tree.ts';

/*
 * The kernel mounts a file system of ours and shows every byte, mode, owner, attribute and time that was asked for. Needs root
 * and a loop device. Files sealed with fs-verity are not in it: only kernels with fs-verity open those.
 */

const MIB = 1024 * 1024;

const ACL = Buffer.from(
  '0200000001000700ffffffff02000500e803000004000500ffffffff10000500ffffffff20000400ffffffff',
  'hex',
);
const linked = file(noise(5000, 'linked'));
const comb: DiskFile = {
  ...file(noise(800 * 4096, 'comb')),
  sizeBytes: 1600 * 4096 + 5,
  data: Array.from({ length: 800 }, (_, index) => ({ offsetBytes: index * 8192, lengthBytes: 4096 })),
};

const TREE = directory(
  [
    ['large', file(noise(9 * MIB + 1, 'large'), { mode: 0o6755, uid: 70_000, gid: 3_000_000_000 })],
    ['empty', file(Buffer.alloc(0))],
    ['one name', linked],
    ['and \xff\x01 another', linked],
    ['comb', comb],
    [
      'many',
      directory(
        Array.from(
          { length: 3000 },
          (_, index) => [`entry \xfc\x80 ${index}`, file(Buffer.from(`${index}`))] as const,
        ),
      ),
    ],
    ['short', { kind: 'symlink', target: '../elsewhere', meta: meta({ mode: 0o777 }) }],
    ['long', { kind: 'symlink', target: 'y'.repeat(4095), meta: meta({ mode: 0o777 }) }],
    ['null', { kind: 'character-device', major: 1, minor: 3, meta: meta({ mode: 0o666 }) }],
    ['nvme', { kind: 'block-device', major: 259, minor: 70_000, meta: meta({ mode: 0o660 }) }],
    ['fifo', { kind: 'fifo', meta: meta({ mode: 0o600 }) }],
    ['socket', { kind: 'socket', meta: meta({ mode: 0o700 }) }],
    ['early', file(Buffer.from('e'), { mtimeSec: -5, mtimeNsec: 123_456_789 })],
    ['late', file(Buffer.from('l'), { mtimeSec: 6_000_000_000, mtimeNsec: 999_999_999 })],
    [
      'attributes',
      file(Buffer.from('a'), {
        xattrs: new Map([
          ['security.capability', Buffer.from('0100000200200000000000000000000000000000', 'hex')],
          ['system.posix_acl_access', ACL],
          ['trusted.overlay.opaque', Buffer.from('y')],
          ['user.binary \xfe', noise(3000, 'xattr')],
          ['user.empty', Buffer.alloc(0)],
        ]),
      }),
    ],
  ],
  { mode: 0o1775, uid: 12 },
);

test('a mounted file system shows everything that was written', async () => {
  await using dir = await makeTempDir('ext4-mount');
  const image = join(dir.path, 'fs.img');
  const plan = planExt4(TREE, {
    uuid: deriveUuid('seed', 'root'),
    timeSec: 1_700_000_000,
    sizeBytes: 700 * MIB,
  });
  await using target = await openRawTarget(image, plan.sizeBytes);
  await writeExt4(target, plan);
  await target.finish();
  await using mount = await mountReadOnly('ext4', image, dir.path);
  await expectMounted(mount.path, TREE, ['lost+found']);
  expect((await stat(join(mount.path, 'one name'))).nlink).toBe(2);
});
