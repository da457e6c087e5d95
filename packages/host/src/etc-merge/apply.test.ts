/** Scanning and building real trees: what is not touched comes out as it went in, to the nanosecond. */
import { execFileSync } from 'node:child_process';
import { chmod, link, mkdir, readdir, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DirectoryNode, Metadata, RegularNode } from '@slipway/composefs';
import { makeTempDir, silentLog } from '@slipway/core';
import { makeNode, readXattrs, setFileTimes, setXattr } from '@slipway/linux';
import { describe, expect, test } from 'vitest';
import { buildEtc, type EtcSources } from './apply.ts';
import { etcOfImage } from './from-image.ts';
import { livePath } from './live-path.ts';
import { sameTree } from './node.ts';
import { planEtcMerge } from './plan.ts';
import { scanEtc } from './scan.ts';

const DIFF = 'diff';
const META: Metadata = {
  mode: 0o644,
  uid: process.getuid?.() ?? 0,
  gid: process.getgid?.() ?? 0,
  mtimeSec: 1_700_000_000,
  mtimeNsec: 5,
  xattrs: new Map(),
};

function image(files: Readonly<Record<string, RegularNode>> = {}): DirectoryNode {
  const meta = { ...META, mode: 0o755 };
  const etc: DirectoryNode = { kind: 'directory', meta, entries: new Map(Object.entries(files)) };
  return { kind: 'directory', meta, entries: new Map([['etc', etc]]) };
}

function sources(ours: string, theirs = image()): EtcSources {
  return {
    ours,
    theirs,
    objectPath: () => {
      throw new Error('no objects here');
    },
  };
}

/** Everything find(1) can say about a tree, for comparing two. */
function listing(directory: string): string {
  const format = '%P %y %#m %U %G %s %T@ %l\n';
  return execFileSync('find', ['.', '-printf', format], { cwd: directory, encoding: 'latin1' })
    .split('\n')
    .map((line) => (line.includes(' d ') ? line.replace(/ \d+ (\d+\.\d+) $/, ' $1') : line))
    .sort()
    .join('\n');
}

async function makeTree(directory: string): Promise<void> {
  await mkdir(join(directory, 'sub/empty'), { recursive: true });
  await writeFile(join(directory, 'empty'), '');
  await writeFile(join(directory, 'short'), 'short');
  await writeFile(join(directory, 'long'), 'x'.repeat(100_000));
  await writeFile(Buffer.concat([Buffer.from(`${directory}/`), Buffer.from([0xff, 0xfe, 0x20])]), 'no UTF-8');
  await symlink('../no/where', join(directory, 'sub/link'));
  await link(join(directory, 'long'), join(directory, 'sub/second-name'));
  makeNode(join(directory, 'fifo'), { kind: 'fifo' }, 0o600);
  setXattr(join(directory, 'short'), 'user.bytes', Buffer.of(0, 255, 10));
  await chmod(join(directory, 'short'), 0o4755);
  await chmod(join(directory, 'sub'), 0o500);
  setFileTimes(join(directory, 'long'), { modified: { sec: -5, nsec: 999_999_999 } });
  setFileTimes(join(directory, 'sub/link'), { modified: { sec: 4_000_000_000, nsec: 123_456_789 } });
  await utimes(join(directory, 'sub/empty'), 1, 1);
}

describe('building /etc', () => {
  test('from an untouched image and a live tree copies the live one exactly', async () => {
    await using dir = await makeTempDir('etc');
    const live = join(dir.path, 'live');
    const built = join(dir.path, 'built');
    await makeTree(live);
    const ours = await scanEtc(live, 'sha256');
    const none = etcOfImage({ ...image(), entries: new Map() });
    // Left by a build that was cut short.
    await mkdir(join(built, 'left/over'), { recursive: true });
    await buildEtc(planEtcMerge(none, ours, none), sources(live), built, silentLog);
    // The root belongs to nobody's edit here; everything in it does.
    expect(listing(join(built, 'sub'))).toBe(listing(join(live, 'sub')));
    expect(listing(built).replace(/^ d .*$/m, '')).toBe(listing(live).replace(/^ d .*$/m, ''));
    expect(readXattrs(join(built, 'short'))).toEqual(readXattrs(join(live, 'short')));
    execFileSync(DIFF, ['-r', '--no-dereference', '-x', 'fifo', live, built]);
    expect(sameTree(await scanEtc(built, 'sha256'), { ...ours, meta: none.meta })).toBe(true);
    // find(1) could not remove it otherwise.
    await chmod(join(live, 'sub'), 0o700);
    await chmod(join(built, 'sub'), 0o700);
  });

  test('goes on without a file that vanished', async () => {
    await using dir = await makeTempDir('etc');
    const live = join(dir.path, 'live');
    await mkdir(live);
    await writeFile(join(live, 'a'), 'a');
    await writeFile(join(live, 'b'), 'b');
    const ours = await scanEtc(live, 'sha256');
    const none = etcOfImage({ ...image(), entries: new Map() });
    execFileSync('rm', [join(live, 'a')]);
    const warnings: string[] = [];
    const log = { ...silentLog, warn: (message: string) => warnings.push(message) };
    await buildEtc(planEtcMerge(none, ours, none), sources(live), join(dir.path, 'built'), log);
    expect(await readdir(join(dir.path, 'built'))).toEqual(['b']);
    expect(warnings).toEqual(['a file of /etc vanished while it was copied']);
  });

  test('takes new defaults with their metadata', async () => {
    await using dir = await makeTempDir('etc');
    const live = join(dir.path, 'live');
    await mkdir(live);
    const file: RegularNode = {
      kind: 'regular',
      meta: { ...META, mode: 0o2640 },
      content: { kind: 'inline', bytes: Buffer.from('theirs') },
    };
    const theirs = image({ 'nam\u00e9': file });
    const empty = etcOfImage(image());
    const plan = planEtcMerge(empty, empty, etcOfImage(theirs));
    const built = join(dir.path, 'built');
    await buildEtc(plan, sources(live, theirs), built, silentLog);
    const scanned = await scanEtc(built, 'sha256');
    expect(sameTree(scanned, etcOfImage(theirs))).toBe(true);
    expect(scanned.entries.get('nam\u00e9')?.meta).toMatchObject({ mtimeSec: 1_700_000_000, mtimeNsec: 5 });
    expect(livePath('/x', 'nam\u00e9').toString('latin1')).toBe('/x/nam\u00e9');
  });
});
