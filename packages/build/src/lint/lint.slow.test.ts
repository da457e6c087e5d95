import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { makeTempDir, SlipwayError } from '@slipway/core';
import { describe, expect, test } from 'vitest';
import { LintRoot } from './lint-root.ts';
import { LINTS } from './lint-table.ts';
import { type LintReport, lintRoot } from './run-lints.ts';

/** A path with a slash at its end is a directory; `->` a link; all else a file of that text. */
type Tree = Readonly<Record<string, string>>;

const SOUND: Tree = {
  'boot/': '',
  'dev/': '',
  'etc/': '',
  'proc/': '',
  'run/': '',
  'sys/': '',
  'sysroot/': '',
  'tmp/': '',
  'var/': '',
  'var/run': '-> /run',
  'usr/lib/modules/6.12/vmlinuz': 'kernel',
  'usr/lib/modules/6.12/initramfs.img': 'initramfs',
  'usr/lib/bootc/kargs.d/10.toml': 'kargs = []',
  'etc/passwd': 'root:x:0:0::/root:/bin/sh\nshop:x:900:900::/:/bin/sh\ndaemon:x:1:1::/:/bin/sh\n',
  'etc/group': 'root:x:0:\nshop:x:900:\n',
  'usr/lib/sysusers.d/shop.conf': '# users\nu shop - "The shop" /var/lib/shop\n',
  'usr/share/base-passwd/passwd.master': 'daemon:*:1:1::/:/usr/sbin/nologin\n',
  'usr/lib/tmpfiles.d/shop.conf': 'd /var/lib/shop 0755 shop shop -\nL+ /var/run - - - - /run\n',
  'var/lib/shop/': '',
  'etc/machine-id': 'uninitialized\n',
  'var/lib/dpkg/status':
    'Package: a\nStatus: install ok installed\n\nPackage: b\nStatus: deinstall ok config-files\n',
  'usr/lib/tmpfiles.d/dpkg.conf': 'C /var/lib/dpkg/status - - - - /usr/share/status\n',
};

async function write(root: string, tree: Tree): Promise<void> {
  for (const [path, text] of Object.entries(tree)) {
    const at = Buffer.from(join(root, path), 'latin1');
    if (path.endsWith('/')) {
      await mkdir(at, { recursive: true });
      continue;
    }
    await mkdir(dirname(join(root, path)), { recursive: true });
    if (text.startsWith('-> ')) await symlink(Buffer.from(text.slice(3), 'latin1'), at);
    else await writeFile(at, text);
  }
}

async function lint(tree: Tree, skip: readonly string[] = []): Promise<LintReport> {
  await using dir = await makeTempDir('lint');
  await write(dir.path, tree);
  return await lintRoot({ root: dir.path, skip, checkKernelArguments, checkRootSetup });
}

function checkRootSetup(text: string, path: string): void {
  if (text.includes('wrong')) throw new Error(`cannot read ${path}`);
}

function checkKernelArguments(text: string, path: string): void {
  if (!text.startsWith('kargs')) throw new SlipwayError('KERNEL_ARGUMENT_INVALID', `cannot read ${path}`);
}

function without(...paths: readonly string[]): Tree {
  return Object.fromEntries(Object.entries(SOUND).filter(([path]) => !paths.includes(path)));
}

test('a sound tree passes every check', async () => {
  expect(await lint(SOUND)).toEqual({
    passed: LINTS.length,
    skipped: 0,
    failed: [],
    fatal: 0,
    warnings: 0,
  });
});

/** For each check a tree it has to find, and what it says. */
const BAD: readonly (readonly [name: string, tree: Tree, finding: RegExp])[] = [
  ['var-run', { ...without('var/run'), 'var/run/': '' }, /var\/run is no symbolic link/],
  ['etc-usretc', { ...SOUND, 'usr/etc/': '' }, /\/usr\/etc exists/],
  ['api-base-directories', without('proc/'), /\/proc does not exist/],
  ['baseimage-root', without('sysroot/'), /\/sysroot does not exist/],
  ['baseimage-root', { ...SOUND, ostree: '-> elsewhere' }, /\/ostree is no symbolic link to/],
  ['buildah-injected', { ...SOUND, 'etc/hostname': '' }, /\/etc\/hostname is empty/],
  ['nonempty-boot', { ...SOUND, 'boot/vmlinuz': 'x', 'boot/EFI/': '' }, /^\/boot\/vmlinuz/],
  ['nonempty-boot', without('boot/'), /\/boot does not exist/],
  ['nonempty-run-tmp', { ...SOUND, 'tmp/left': '' }, /^\/tmp\/left is hidden/],
  [
    'kernel',
    { ...SOUND, 'usr/lib/modules/7/vmlinuz': 'x', 'usr/lib/modules/7/initramfs.img': 'x' },
    /6\.12, 7/,
  ],
  ['kernel-missing', without('usr/lib/modules/6.12/vmlinuz'), /nothing to boot/],
  ['kernel-initramfs', { ...SOUND, 'usr/lib/modules/6.12/initramfs.img': '' }, /missing or empty/],
  [
    'root-setup',
    { ...SOUND, 'usr/lib/composefs/setup-root-conf.toml': 'wrong' },
    /composefs\/setup-root-conf\.toml/,
  ],
  ['bootc-kargs', { ...SOUND, 'usr/lib/bootc/kargs.d/20.toml': 'karg = 1' }, /kargs\.d\/20\.toml/],
  [
    'baseimage-composefs',
    { ...SOUND, 'usr/lib/ostree/prepare-root.conf': '[composefs]\nenabled=no' },
    /composefs/,
  ],
  ['utf8', { ...SOUND, 'usr/caf\xe9': '' }, /^\/usr\/caf\\xe9 is not UTF-8$/],
  ['utf8', { ...SOUND, 'usr/link': '-> caf\xe9' }, /^\/usr\/link points to .*caf\\xe9$/],
  [
    'var-log',
    { ...SOUND, 'var/log/dpkg.log': 'x', 'usr/lib/tmpfiles.d/l.conf': 'f /var/log/dpkg.log' },
    /dpkg\.log/,
  ],
  ['var-tmpfiles', { ...SOUND, 'var/lib/other/': '' }, /^\/var\/lib\/other reaches no host/],
  [
    'package-caches',
    { ...SOUND, 'var/lib/apt/lists/x': 'x', 'usr/lib/tmpfiles.d/a.conf': 'f /var/lib/apt/lists/x' },
    /apt\/lists/,
  ],
  ['sysusers', without('usr/lib/sysusers.d/shop.conf'), /^user shop is in no file/],
  ['machine-id', { ...SOUND, 'etc/machine-id': `${'0a'.repeat(16)}\n` }, /every host would have the same/],
  ['ssh-host-keys', { ...SOUND, 'etc/ssh/ssh_host_ed25519_key': 'x' }, /ssh_host_ed25519_key/],
  [
    'dpkg-unfinished',
    { ...SOUND, 'var/lib/dpkg/status': 'Package: a\nStatus: install ok half-configured\n' },
    /^a is half-configured$/,
  ],
];

describe('what is wrong is found, and nothing else', () => {
  test.each(BAD)('%s', async (name, tree, finding) => {
    const { failed } = await lint(tree);
    expect(failed.map((outcome) => outcome.name)).toEqual([name]);
    expect(failed[0]?.findings[0]).toMatch(finding);
    expect(await lint(tree, [name])).toMatchObject({ failed: [], skipped: 1 });
  });

  test('every check has such a tree', () => {
    expect(LINTS.map(({ name }) => name).filter((name) => BAD.every(([tried]) => tried !== name))).toEqual(
      [],
    );
  });
});

test('directories of /var are the business of seed-var where it is', async () => {
  const tree = { ...SOUND, 'usr/libexec/slipway/seed-var': '#!/bin/sh', 'var/lib/other/': '' };
  expect((await lint(tree)).failed).toEqual([]);
  const { failed } = await lint({ ...tree, 'var/lib/other/file': 'x' });
  expect(failed).toMatchObject([
    { name: 'var-tmpfiles', findings: ['/var/lib/other/file reaches no host that is updated'] },
  ]);
});

test('names of no check and trees that are none are refused', async () => {
  await expect(lint(SOUND, ['nothing'])).rejects.toMatchObject({ code: 'USAGE' });
  await expect(lintRoot({ root: '/nothing', checkKernelArguments, checkRootSetup })).rejects.toMatchObject({
    code: 'IO_FAILED',
  });
});

describe('a tree with hostile links', () => {
  test('leads nowhere outside itself', async () => {
    await using dir = await makeTempDir('lint');
    const root = new LintRoot(join(dir.path, 'root'));
    await write(dir.path, {
      secret: 'outside',
      'root/up': '-> ../secret',
      'root/far': '-> ../../../../../../../etc/passwd',
      'root/absolute': '-> /secret',
      'root/loop': '-> loop',
      'root/out': '-> ..',
      'root/usr/lib/file': 'inside',
      'root/lib': '-> usr/lib',
      'root/usr/back': '-> /lib/../lib/file',
    });
    const texts = await Promise.all(
      ['up', 'far', 'absolute', 'loop', 'out/secret', 'lib/file', 'usr/back'].map((path) => root.text(path)),
    );
    expect(texts).toEqual([...Array.from({ length: 5 }, () => undefined), 'inside', 'inside']);
  });
});
