import { hash } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import {
  type DirectoryNode,
  type Metadata,
  type Repository,
  readFile,
  type TreeNode,
  walkTree,
} from '@slipway/composefs';
import { readXattrs } from '@slipway/linux';

/** What can be seen of one name, in plain values: equal for a directory on disk and for a tree that means the same. */
export interface ListedEntry {
  readonly kind: string;
  readonly mode: string;
  readonly owner: string;
  readonly mtime: string;
  /** First path, in byte order, of the node behind this name. */
  readonly firstName: string;
  /** Bytes of a file, of a long one their digest; target of a symlink, number of a device; in hex, or text. */
  readonly body: string;
  readonly xattrs: string;
}

/** Names as latin1, relative to the root, which is `/`. */
export type Listing = ReadonlyMap<string, ListedEntry>;

/** Looks at a directory the way a process does. */
export function listDirectory(directory: string): Listing {
  const listing = new Map<string, ListedEntry>();
  const firstNames = new Map<bigint, string>();
  const root = Buffer.from(directory);
  const visit = (path: string): void => {
    const at = Buffer.concat([root, Buffer.from(path, 'latin1')]);
    const stats = lstatSync(at, { bigint: true });
    const firstName = firstNames.get(stats.ino) ?? path;
    firstNames.set(stats.ino, firstName);
    const kind = kindOfMode(Number(stats.mode));
    listing.set(path === '' ? '/' : path, {
      kind,
      mode: (Number(stats.mode) & 0o7777).toString(8),
      owner: `${stats.uid}:${stats.gid}`,
      mtime: String(stats.mtimeNs),
      firstName,
      body: bodyOnDisk(at, kind, stats.rdev),
      xattrs: listXattrs(readXattrs(at)),
    });
    if (kind !== 'directory') return;
    const names = readdirSync(at, { encoding: 'buffer' }).map((name) => name.toString('latin1'));
    for (const name of names.sort((a, b) => (a < b ? -1 : 1))) visit(`${path}/${name}`);
  };
  visit('');
  return listing;
}

/** Describes a tree in the same words. */
export async function listTree(repository: Repository, tree: DirectoryNode): Promise<Listing> {
  const listing = new Map<string, ListedEntry>();
  const firstNames = new Map<TreeNode, string>();
  for (const { path, node } of walkTree(tree)) {
    const name = path === '/' ? '' : path;
    const firstName = firstNames.get(node) ?? name;
    firstNames.set(node, firstName);
    listing.set(path, {
      kind: node.kind,
      mode: node.kind === 'symlink' ? '777' : node.meta.mode.toString(8),
      owner: `${node.meta.uid}:${node.meta.gid}`,
      mtime: String(nanoseconds(node.meta)),
      firstName,
      body: await bodyOfNode(repository, node),
      xattrs: listXattrs(node.meta.xattrs),
    });
  }
  return listing;
}

function nanoseconds({ mtimeSec, mtimeNsec }: Metadata): bigint {
  return BigInt(mtimeSec) * 1_000_000_000n + BigInt(mtimeNsec);
}

async function bodyOfNode(repository: Repository, node: TreeNode): Promise<string> {
  if (node.kind === 'symlink') return Buffer.from(node.target, 'latin1').toString('hex');
  if (node.kind === 'character-device' || node.kind === 'block-device') return `${node.major}:${node.minor}`;
  if (node.kind !== 'regular') return '';
  const chunks: Uint8Array[] = [];
  for await (const chunk of readFile(repository, node)) chunks.push(chunk);
  return shown(Buffer.concat(chunks));
}

function bodyOnDisk(at: Buffer, kind: string, rdev: bigint): string {
  if (kind === 'symlink') return readlinkSync(at, { encoding: 'buffer' }).toString('hex');
  if (kind.endsWith('-device')) {
    const number = Number(rdev);
    return `${(number >> 8) & 0xfff}:${(number & 0xff) | ((number >> 12) & 0xfff00)}`;
  }
  return kind === 'regular' ? shown(readFileSync(at)) : '';
}

/** Real images do not fit into memory. */
const LONGEST_SHOWN_BYTES = 1024;

function shown(bytes: Buffer): string {
  return bytes.length <= LONGEST_SHOWN_BYTES ? bytes.toString('hex') : hash('sha256', bytes);
}

function kindOfMode(mode: number): string {
  const kinds: Readonly<Record<number, string>> = {
    0o010: 'fifo',
    0o020: 'character-device',
    0o040: 'directory',
    0o060: 'block-device',
    0o100: 'regular',
    0o120: 'symlink',
    0o140: 'socket',
  };
  return kinds[(mode >> 9) & 0o170] ?? 'unknown';
}

function listXattrs(xattrs: ReadonlyMap<string, Uint8Array>): string {
  return [...xattrs]
    .map(([key, value]) => `${key}=${Buffer.from(value).toString('hex')}`)
    .sort()
    .join(' ');
}
