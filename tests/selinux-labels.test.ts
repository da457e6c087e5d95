import { readdirSync } from 'node:fs';
import { type FileKind, type Labels, parseDump, readImagePolicy } from '@slipway/composefs';
import { beforeAll, expect, test } from 'vitest';
import {
  prepareSelinux,
  type ReferenceKind,
  referenceContexts,
  referenceLabels,
} from './harness/reference-selinux.ts';

// Scenario: an image carries the policy Debian ships, all 350 modules of it. Whatever the path and kind of a file, it gets the label
// the tools of SELinux give it.

/** Paths policies say something special of, beside those of this machine. */
const SPECIAL_PATHS = [
  '/',
  '/dev/null',
  '/dev/sda1',
  '/dev/tty0',
  '/dev/log',
  '/proc/1',
  '/sys/x',
  '/mnt/x',
  '/mnt/x/y',
  '/media/cd',
  '/lost+found',
  '/aquota.user',
  '/a/b',
  '/.autofsck',
  '/tmp/x',
  '/tmp/.X11-unix/X0',
  '/run/sshd.pid',
  '/run/user/1000/x',
  '/home/alice/.ssh/id_rsa',
  '/root/.ssh/authorized_keys',
  '/var/www/html/a',
  '/var/spool/cron/crontabs/root',
  '/opt/x/lib/libq.so',
  '/opt/x/bin/y',
  '/usr/local/lib/libx.so.1',
  '/boot/grub/grub.cfg',
  '/boot/vmlinuz-6.12',
  '/var/lib/docker/overlay2/x',
  '/var/lib/libvirt/images/x',
  '/var/log/audit/audit.log',
  '/var/log/messages',
];

const KINDS: Readonly<Record<FileKind, ReferenceKind>> = {
  regular: 'file',
  directory: 'dir',
  symlink: 'lnk_file',
  'character-device': 'chr_file',
  'block-device': 'blk_file',
  fifo: 'pipe',
  socket: 'sock_file',
};

beforeAll(async () => {
  await prepareSelinux();
});

test('every file of this machine, and special ones of every kind', async () => {
  const labels = await labelsOfReferencePolicy();
  const paths = new Map<FileKind, string[]>();
  for (const kind of Object.keys(KINDS) as FileKind[]) paths.set(kind, [...SPECIAL_PATHS]);
  for (const top of [
    '/etc',
    '/usr/bin',
    '/usr/sbin',
    '/usr/lib',
    '/usr/libexec',
    '/var/log',
    '/var/lib/dpkg',
  ]) {
    for (const { path, kind } of entriesBelow(top)) {
      // Only what a line of output can hold.
      if (/^[ -~]*$/.test(path)) paths.get(kind)?.push(path);
    }
  }
  let compared = 0;
  for (const [kind, list] of paths) {
    const ours = list.map((path) => labels.labelOf(path, kind) ?? '<<none>>');
    const theirs = await referenceLabels(KINDS[kind], list);
    compared += list.length;
    expect(
      list.flatMap((path, index) =>
        ours[index] === theirs[index] ? [] : [[path, kind, ours[index], theirs[index]]],
      ),
    ).toEqual([]);
  }
  expect(compared).toBeGreaterThan(5_000);
});

/** Directories, symlinks and files; anything else counts as a file. */
function* entriesBelow(top: string): Generator<{ readonly path: string; readonly kind: FileKind }> {
  const pending = [top];
  for (let directory = pending.pop(); directory !== undefined; directory = pending.pop()) {
    for (const entry of readdirSync(directory, { withFileTypes: true })) {
      const path = `${directory}/${entry.name}`;
      if (entry.isDirectory()) pending.push(path);
      yield {
        path,
        kind: entry.isDirectory() ? 'directory' : entry.isSymbolicLink() ? 'symlink' : 'regular',
      };
    }
  }
}

/** As an image would carry it. */
async function labelsOfReferencePolicy(): Promise<Labels> {
  const contexts = await referenceContexts();
  const directories = [
    '/etc',
    '/etc/selinux',
    '/etc/selinux/x',
    '/etc/selinux/x/contexts',
    '/etc/selinux/x/contexts/files',
  ];
  const dump = [
    '/ 0 40755 2 0 0 0 1.0 - - -',
    ...directories.map((path) => `${path} 0 40755 2 0 0 0 1.0 - - -`),
    '/etc/selinux/config 13 100644 1 0 0 0 1.0 - SELINUXTYPE=x -',
    `/etc/selinux/x/contexts/files/file_contexts ${contexts.length} 100644 1 0 0 0 1.0 - - ${'ab'.repeat(32)}`,
  ];
  const tree = parseDump(Buffer.from(dump.join('\n'))).root;
  const labels = await readImagePolicy(tree, async function* ({ content }) {
    yield content.kind === 'inline' ? content.bytes : contexts;
  });
  if (labels === undefined) throw new Error('the tree has no policy');
  return labels;
}
