/** `/etc` of the running system as the merge sees it. */
import type { BigIntStats } from 'node:fs';
import { lstat, readdir, readlink } from 'node:fs/promises';
import type { VerityAlgorithm } from '@slipway/composefs';
import { errnoOf, SlipwayError } from '@slipway/core';
import { readXattrs } from '@slipway/linux';
import { contentOfLiveFile } from './content.ts';
import { livePath } from './live-path.ts';
import type { EtcDirectory, EtcMetadata, EtcNode } from './node.ts';

/** What overlayfs notes at files that were changed while a configuration extension was merged over this `/etc`; nobody else's. */
const OVERLAY_XATTR = 'trusted.overlay.';

/**
 * Reads a directory tree with owners, permissions, attributes and nanosecond times. Files that vanish while it is read were
 * not there, and so is what overlayfs writes down for a deleted one.
 *
 * @param algorithm of the object store the content is compared with
 * @throws SlipwayError STATE_INVALID when `directory` is not a directory
 */
export async function scanEtc(directory: string, algorithm: VerityAlgorithm): Promise<EtcDirectory> {
  const root = await scanNode(directory, '', algorithm);
  if (root?.kind === 'directory') return root;
  throw new SlipwayError('STATE_INVALID', `cannot read ${directory}: it is not a directory`);
}

async function scanNode(
  root: string,
  path: string,
  algorithm: VerityAlgorithm,
): Promise<EtcNode | undefined> {
  try {
    return await scanExisting(root, path, algorithm);
  } catch (thrown) {
    if (errnoOf(thrown) === 'ENOENT' && path !== '') return undefined;
    throw thrown;
  }
}

async function scanExisting(
  root: string,
  path: string,
  algorithm: VerityAlgorithm,
): Promise<EtcNode | undefined> {
  const absolute = livePath(root, path);
  const stats = await lstat(absolute, { bigint: true });
  if (stats.isCharacterDevice() && stats.rdev === 0n) return undefined;
  const meta = metadataOf(stats, ownXattrs(absolute));
  if (stats.isDirectory())
    return { kind: 'directory', meta, entries: await scanEntries(root, path, algorithm) };
  if (stats.isFile()) {
    const content = await contentOfLiveFile(absolute, Number(stats.size), algorithm);
    return { kind: 'regular', meta, content };
  }
  if (stats.isSymbolicLink()) {
    const target = await readlink(absolute, { encoding: 'buffer' });
    return { kind: 'symlink', meta, target: target.toString('latin1') };
  }
  if (stats.isFIFO()) return { kind: 'fifo', meta };
  if (stats.isSocket()) return { kind: 'socket', meta };
  return {
    kind: stats.isBlockDevice() ? 'block-device' : 'character-device',
    meta,
    ...deviceNumber(stats.rdev),
  };
}

async function scanEntries(
  root: string,
  path: string,
  algorithm: VerityAlgorithm,
): Promise<EtcDirectory['entries']> {
  const entries = new Map<string, EtcNode>();
  for (const bytes of await readdir(livePath(root, path), { encoding: 'buffer' })) {
    const name = bytes.toString('latin1');
    const node = await scanNode(root, path === '' ? name : `${path}/${name}`, algorithm);
    if (node !== undefined) entries.set(name, node);
  }
  return entries;
}

function ownXattrs(path: Buffer): EtcMetadata['xattrs'] {
  return new Map([...readXattrs(path)].filter(([name]) => !name.startsWith(OVERLAY_XATTR)));
}

function metadataOf(stats: BigIntStats, xattrs: EtcMetadata['xattrs']): EtcMetadata {
  const nanoseconds = ((stats.mtimeNs % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n;
  return {
    mode: Number(stats.mode & 0o7777n),
    uid: Number(stats.uid),
    gid: Number(stats.gid),
    mtimeSec: Number((stats.mtimeNs - nanoseconds) / 1_000_000_000n),
    mtimeNsec: Number(nanoseconds),
    xattrs,
  };
}

/** As makedev(3) puts a number together. */
function deviceNumber(rdev: bigint): { readonly major: number; readonly minor: number } {
  return {
    major: Number(((rdev >> 8n) & 0xfffn) | ((rdev >> 32n) & 0xfffff000n)),
    minor: Number((rdev & 0xffn) | ((rdev >> 12n) & 0xffffff00n)),
  };
}
