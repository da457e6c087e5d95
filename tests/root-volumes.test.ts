/**
 * Roots of btrfs and XFS, made by the programs of those file systems for a user who may do nothing: their own checkers find nothing
 * wrong, and the kernel shows every name, byte, owner, mode and time. Mounting them takes root and a loop device.
 */
import { chmod, chown, mkdir, readdir, readFile, realpath, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeTempDir, run, type TempDir } from '@slipway/core';
import { type DiskFile, type DiskNode, deriveUuid, openRawTarget } from '@slipway/disk';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { draftRootVolume } from '../packages/install/src/root-volume/plan.ts';
import { directory, file, meta, noise } from './harness/disk-trees.ts';
import { expectMounted, mountReadOnly } from './harness/mounted-tree.ts';
import { AS_NOBODY, expectRefusal, slipwayThrough } from './harness/refusal.ts';
import { member, TINY_MODULES, writeTinyImage } from './harness/tiny-image.ts';

const MIB = 1024 ** 2;
const NOBODY = 65_534;
const FILE_SYSTEMS = ['btrfs', 'xfs'] as const;

let temp: TempDir;

beforeAll(async () => {
  temp = await makeTempDir('root-volumes');
  // Others than root must get in.
  await chmod(temp.path, 0o755);
});
afterAll(async () => {
  await temp[Symbol.asyncDispose]();
});

async function output(...argv: readonly [string, ...string[]]): Promise<string> {
  return (await run(argv, { describe: `run ${argv[0]}` })).stdout.toString();
}

async function checkVolume(fileSystem: (typeof FILE_SYSTEMS)[number], path: string): Promise<void> {
  if (fileSystem === 'btrfs') await output('btrfs', 'check', '--check-data-csum', path);
  else await output('xfs_repair', '-n', path);
}

const comb: DiskFile = {
  ...file(noise(80 * 4096, 'comb')),
  sizeBytes: 160 * 4096 + 5,
  data: Array.from({ length: 80 }, (_, index) => ({ offsetBytes: index * 8192, lengthBytes: 4096 })),
};

/** What both programs carry, for whomever. */
const ENTRIES: readonly (readonly [string, DiskNode])[] = [
  ['large', file(noise(9 * MIB + 1, 'large'), { mode: 0o6755, uid: 70_000, gid: 3_000_000_000 })],
  ['empty', file(Buffer.alloc(0), { mode: 0 })],
  ['comb', comb],
  [':etc:ssh:sshd config ', file(Buffer.from('c'))],
  ['tmp', directory([['bytes \xff\x01 in a name', file(noise(5000, 'name'))]], { mode: 0o1777 })],
  ['mail', directory([], { mode: 0o2775, gid: 8 })],
  [
    'many',
    directory(
      Array.from(
        { length: 3000 },
        (_, index) => [`entry \xfc\xe9 ${index}`, file(Buffer.from(`${index}`))] as const,
      ),
      { mode: 0o3770, uid: 5 },
    ),
  ],
  ['short', { kind: 'symlink', target: '../elsewhere', meta: meta({ mode: 0o777, uid: 9 }) }],
  ['long', { kind: 'symlink', target: 'y'.repeat(336), meta: meta({ mode: 0o777 }) }],
  ['early', file(Buffer.from('e'), { mtimeSec: -5, mtimeNsec: 123_456_789 })],
  ['late', file(Buffer.from('l'), { mtimeSec: 6_000_000_000, mtimeNsec: 999_999_999 })],
];

/** What btrfs carries besides, for root. */
const ATTRIBUTES = new Map<string, Uint8Array>([
  ['security.capability', Buffer.from('0100000200200000000000000000000000000000', 'hex')],
  ['user.binary \xfe', noise(3000, 'xattr')],
]);

test.each(FILE_SYSTEMS)('the kernel shows all that a root of %s was made of', async (fileSystem) => {
  const more = ['attributes', file(Buffer.from('a'), { xattrs: ATTRIBUTES })] as const;
  const tree = directory(fileSystem === 'btrfs' ? [...ENTRIES, more] : ENTRIES, { mode: 0o1775, uid: 12 });
  const path = join(temp.path, `${fileSystem}.img`);
  const names = { uuid: deriveUuid('seed', fileSystem), label: 'slipway-root' };
  const volume = draftRootVolume(fileSystem, tree, 0).plan({ ...names, sizeBytes: 700 * MIB + 512 });
  await using target = await openRawTarget(path, volume.sizeBytes);
  await volume.content(target, {});
  await target.finish();
  await checkVolume(fileSystem, path);
  expect(await output('blkid', '-o', 'value', '-s', 'UUID', path)).toBe(`${names.uuid}\n`);
  await using mounted = await mountReadOnly(fileSystem, path, temp.path);
  await expectMounted(mounted.path, tree);
});

interface DiskAnswer {
  readonly deployment: string;
  readonly inputDigest: string;
  readonly kernelCommandLine: string;
  readonly root: unknown;
  readonly disks: readonly { readonly path: string }[];
}

describe('slipway image, of a user who may do nothing', () => {
  let home: string;
  let env: Readonly<Record<string, string>>;
  let image: string;

  beforeAll(async () => {
    home = join(temp.path, 'home');
    await mkdir(home);
    await chown(home, NOBODY, NOBODY);
    env = { HOME: home, SLIPWAY_CACHE: join(home, 'cache'), TMPDIR: home };
    image = await writeTinyImage(join(temp.path, 'layout'), {
      extra: [
        member({ path: `${TINY_MODULES}/initramfs.img` }, await initramfs()),
        member({ path: 'etc/shadow', mode: 0o640, gid: 42 }, Buffer.from('root:*:\n')),
        member({ path: 'etc/:a name', mode: 0 }, Buffer.from('n')),
        member({ kind: 'directory', path: 'var/tmp', mode: 0o1777 }),
      ],
    });
  });

  async function made(fileSystem: string, ...more: readonly string[]): Promise<DiskAnswer> {
    const args = ['image', image, '--no-checksums', '--json', '-o', join(home, fileSystem), ...more];
    const result = await slipwayThrough(AS_NOBODY, [...args, '--rootfs', fileSystem], env);
    expect(result.exitCode, result.stderr).toBe(0);
    return JSON.parse(result.stdout) as DiskAnswer;
  }

  test.each(FILE_SYSTEMS)(
    '%s: a disk with the store and the state of a host, in two formats',
    async (fileSystem) => {
      const types = ['--type', 'raw', '--type', 'qcow2'];
      const answer = await made(fileSystem, ...types);
      expect(answer.root).toEqual({ fileSystem, sealed: false });
      expect(answer.kernelCommandLine).toContain(` rw composefs=?${answer.deployment} `);
      const [raw = '', qcow2 = ''] = answer.disks.map(({ path }) => path);
      const compared = await output('qemu-img', 'compare', '-f', 'raw', '-F', 'qcow2', raw, qcow2);
      expect(compared).toContain('Images are identical');
      // Asked for the same again it is there; nothing but the disks stays.
      expect(await made(fileSystem, ...types)).toEqual(answer);
      expect((await readdir(home)).toSorted()).toEqual(
        ['cache', ...FILE_SYSTEMS.slice(0, FILE_SYSTEMS.indexOf(fileSystem) + 1)].toSorted(),
      );

      const root = await rootOf(raw, fileSystem);
      await checkVolume(fileSystem, root);
      await using mounted = await mountReadOnly(fileSystem, root, temp.path);
      const store = join(mounted.path, 'composefs');
      const meta: unknown = JSON.parse(await readFile(join(store, 'meta.json'), 'utf8'));
      expect(meta).toMatchObject({ features: { compatible: ['slipway_verity_none'] } });
      const digests = await output('sh', '-c', `cd '${store}/objects' && exec fsverity digest --compact */*`);
      const names = (await output('sh', '-c', `cd '${store}/objects' && echo */*`)).trim().split(' ');
      expect(names.length).toBeGreaterThan(250);
      expect(digests.trim().split('\n')).toEqual(names.map((name) => name.replace('/', '')));
      expect(await realpath(join(store, 'images', answer.deployment))).toContain(`${store}/objects/`);
      const etc = join(mounted.path, 'state/deploy', answer.deployment, 'etc');
      const shown = await output(
        'stat',
        '-c',
        '%a %u %g %Y',
        mounted.path,
        `${etc}/shadow`,
        `${etc}/:a name`,
      );
      expect(shown.split('\n')).toEqual([
        expect.stringMatching(/^755 0 0 /),
        '640 0 42 1700000000',
        '0 0 0 1700000000',
        '',
      ]);
      expect(await output('stat', '-c', '%a', join(mounted.path, 'state/os/default/var/tmp'))).toBe('1777\n');
    },
  );

  test('another root is another disk', async () => {
    const digests = [];
    for (const fileSystem of ['ext4', ...FILE_SYSTEMS]) digests.push((await made(fileSystem)).inputDigest);
    expect(new Set(digests).size).toBe(3);
  });

  test('an image that could not start from it is refused', async () => {
    const refused = await writeTinyImage(join(temp.path, 'no-xfs'), {
      extra: [member({ path: `${TINY_MODULES}/initramfs.img` }, await initramfs('usr/lib/modules/btrfs.ko'))],
    });
    const args = ['image', refused, '-o', join(home, 'refused'), '--rootfs', 'xfs'];
    const refusal = { env, through: AS_NOBODY, exitCode: 3, empty: join(home, 'refused') };
    await expectRefusal({ ...refusal, args, message: /initramfs would not find the root/, hint: /xfsprogs/ });
  });

  test('what the program would leave out is refused, before anything is written', async () => {
    const links = [
      member({ path: 'etc/one' }, Buffer.from('1')),
      member({ kind: 'hardlink', path: 'etc/two', linkTarget: 'etc/one' }),
      member({ path: `${TINY_MODULES}/initramfs.img` }, await initramfs()),
    ];
    const linked = await writeTinyImage(join(temp.path, 'linked'), { extra: links });
    for (const fileSystem of FILE_SYSTEMS) {
      const out = join(home, 'unfit');
      const args = ['image', linked, '-o', out, '--rootfs', fileSystem];
      const message = new RegExp(`make a root of ${fileSystem}: mkfs\\.${fileSystem} does not carry`);
      await expectRefusal({ args, env, through: AS_NOBODY, exitCode: 3, message, hint: /ext4/, empty: out });
    }
  });

  test('two answers to one question, and a root of a medium, are refused', async () => {
    const path = join(temp.path, 'config.toml');
    await writeFile(path, '[[customizations.disk.partitions]]\nmountpoint = "/"\nfs_type = "xfs"\n');
    const out = join(home, 'contradiction');
    const args = ['image', image, '-o', out, '--rootfs', 'btrfs'];
    const both = {
      args: [...args, '--config', path],
      exitCode: 3,
      message: /make a root of btrfs: .* says xfs/,
    };
    await expectRefusal({ ...both, env, hint: /one place/, empty: out });
    const medium = { args: [...args, '--type', 'iso'], exitCode: 2, message: /choose the root of a host/ };
    await expectRefusal({ ...medium, env, hint: /--rootfs/, empty: out });
  });
});

/** An archive with what an initramfs needs to mount these file systems. */
async function initramfs(...files: readonly string[]): Promise<Buffer> {
  const wanted = files.length > 0 ? files : FILE_SYSTEMS.map((name) => `usr/lib/modules/${name}.ko`);
  await using tree = await makeTempDir('initramfs');
  await mkdir(join(tree.path, 'usr/lib/modules'), { recursive: true });
  for (const path of wanted) await writeFile(join(tree.path, path), '');
  const argv = ['bsdtar', '--format', 'newc', '-cf', '-', '-C', tree.path, 'usr'] as const;
  return (await run(argv, { describe: 'make an initramfs' })).stdout;
}

async function rootOf(disk: string, name: string): Promise<string> {
  const { partitiontable } = JSON.parse(await output('sfdisk', '--json', disk)) as {
    partitiontable: { partitions: readonly { readonly start: number; readonly size: number }[] };
  };
  const { start = 0, size = 0 } = partitiontable.partitions.at(-1) ?? {};
  const path = join(temp.path, `${name}.root`);
  const range = [`skip=${start * 512}`, `count=${size * 512}`, 'iflag=skip_bytes,count_bytes'];
  await output('dd', `if=${disk}`, `of=${path}`, 'bs=1M', 'conv=sparse', ...range);
  return path;
}
