import { isSlipwayError } from '@slipway/core';
import type { TarInput } from '@slipway/oci';
import { describe, expect, test } from 'vitest';
import type { DirectoryNode } from '../tree.ts';
import { lookupPath, walkTree } from '../tree-path.ts';
import { bootTree } from './boot-transform.ts';
import { checkArchitecture, findKernel } from './bootable.ts';
import { LayeredTree } from './layered-tree.ts';
import { file, link, member } from './testing.ts';

function treeOf(...members: readonly TarInput[]): DirectoryNode {
  const tree = new LayeredTree();
  tree.beginLayer('layer');
  for (const header of members) {
    const content =
      header.kind === 'file'
        ? ({ kind: 'inline', bytes: new Uint8Array(header.sizeBytes) } as const)
        : undefined;
    tree.apply({ header, content });
  }
  return tree.finish();
}

const base: readonly TarInput[] = [
  member('usr/', { mode: 0o751, uid: 1, gid: 2, mtimeSec: 1000, mtimeNsec: 5 }),
  member('boot/', { mode: 0o700, mtimeSec: 7, mtimeNsec: 8 }),
  member('sysroot/', { mtimeSec: 7, mtimeNsec: 8 }),
];

function codeOf(step: () => unknown): string {
  try {
    step();
  } catch (thrown) {
    if (isSlipwayError(thrown)) return thrown.code;
    throw thrown;
  }
  return 'nothing thrown';
}

describe('bootTree', () => {
  test('empties /boot, /sysroot and /run and gives the root the metadata of /usr', () => {
    const tree = bootTree(
      treeOf(
        ...base,
        file('boot/vmlinuz', 'x'),
        file('run/.containerenv', 'x'),
        file('sysroot/x', 'x'),
        file('etc/keep', 'x'),
      ),
    );
    expect([...walkTree(tree)].map(({ path }) => path)).toEqual([
      '/',
      '/boot',
      '/etc',
      '/etc/keep',
      '/run',
      '/sysroot',
      '/usr',
    ]);
    expect(tree.meta).toMatchObject({ mode: 0o751, uid: 1, gid: 2, mtimeSec: 1000, mtimeNsec: 5 });
    expect(lookupPath(tree, 'run')?.node.meta).toMatchObject({ mode: 0o755, mtimeSec: 1000, mtimeNsec: 5 });
    expect(lookupPath(tree, 'boot')?.node.meta).toMatchObject({ mode: 0o700, mtimeSec: 1000, mtimeNsec: 8 });
    expect(lookupPath(tree, 'sysroot')?.node.meta).toMatchObject({ mtimeSec: 1000, mtimeNsec: 8 });
  });

  test('keeps capabilities, drops other attributes, and keeps hard links one node', () => {
    const xattrs = new Map([
      ['security.capability', Uint8Array.of(1)],
      ['security.selinux', Uint8Array.of(2)],
      ['user.note', Uint8Array.of(3)],
      ['trusted.x', Uint8Array.of(4)],
    ]);
    const tree = treeOf(...base, file('usr/a', 'x', { xattrs }), link('usr/b', 'usr/a', 'hardlink'));
    const plain = bootTree(tree);
    const withUser = bootTree(tree, { userXattrs: true });

    expect([...(lookupPath(plain, 'usr/a')?.node.meta.xattrs.keys() ?? [])]).toEqual(['security.capability']);
    expect([...(lookupPath(withUser, 'usr/a')?.node.meta.xattrs.keys() ?? [])]).toEqual([
      'security.capability',
      'user.note',
    ]);
    expect(lookupPath(plain, 'usr/b')?.node).toBe(lookupPath(plain, 'usr/a')?.node);
    expect(lookupPath(tree, 'usr/a')?.node.meta.xattrs.size).toBe(4);
  });

  test.each(['usr', 'boot', 'sysroot'])('needs a directory /%s', (name) => {
    const without = base.filter(({ path }) => path !== `${name}/`);
    expect(codeOf(() => bootTree(treeOf(...without)))).toBe('IMAGE_NOT_BOOTABLE');
    expect(codeOf(() => bootTree(treeOf(...without, link(name, 'elsewhere'))))).toBe('IMAGE_NOT_BOOTABLE');
  });
});

describe('findKernel', () => {
  const kernel = (version: string): readonly TarInput[] => [
    file(`usr/lib/modules/${version}/vmlinuz`, 'kernel'),
    file(`usr/lib/modules/${version}/initramfs.img`, 'initramfs'),
  ];

  test('finds the one kernel, beside directories of modules without one', () => {
    const tree = treeOf(...kernel('6.12.48+deb13-amd64'), file('usr/lib/modules/6.1.0/modules.dep', 'x'));
    const { version, vmlinuz, initramfs } = findKernel(tree);
    expect(version).toBe('6.12.48+deb13-amd64');
    expect(vmlinuz).toBe(lookupPath(tree, `/usr/lib/modules/${version}/vmlinuz`)?.node);
    expect(initramfs).toBe(lookupPath(tree, `/usr/lib/modules/${version}/initramfs.img`)?.node);
  });

  test('follows symlinks inside the image', () => {
    const tree = treeOf(
      file('usr/lib/kernel/linux', 'kernel'),
      link('usr/lib/modules/1/vmlinuz', '../../kernel/linux'),
      file('usr/lib/modules/1/initramfs.img', 'x'),
      link('lib', 'usr/lib'),
    );
    expect(findKernel(tree).version).toBe('1');
  });

  const refused: readonly (readonly [string, DirectoryNode, string])[] = [
    ['no modules', treeOf(...base), 'IMAGE_NO_KERNEL'],
    ['a dangling kernel', treeOf(link('usr/lib/modules/1/vmlinuz', '/boot/vmlinuz')), 'IMAGE_NO_KERNEL'],
    ['an empty kernel', treeOf(file('usr/lib/modules/1/vmlinuz', '')), 'IMAGE_NO_KERNEL'],
    ['two kernels', treeOf(...kernel('1'), ...kernel('2')), 'IMAGE_MANY_KERNELS'],
    ['no initramfs', treeOf(file('usr/lib/modules/1/vmlinuz', 'x')), 'IMAGE_NO_INITRAMFS'],
    ['a version that is no name', treeOf(...kernel('1 2')), 'IMAGE_NOT_BOOTABLE'],
  ];
  test.each(refused)('%s', (_title, tree, code) => {
    expect(codeOf(() => findKernel(tree))).toBe(code);
  });
});

test('checkArchitecture tells both', () => {
  expect(codeOf(() => checkArchitecture('amd64', 'amd64'))).toBe('nothing thrown');
  expect(() => checkArchitecture('arm64', 'amd64')).toThrow(/for arm64, not amd64/);
});
