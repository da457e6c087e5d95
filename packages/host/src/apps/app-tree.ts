/** The tree of an app as it is mounted: the image's, with a place for everything that is mounted in it. */
import { posix } from 'node:path';
import { type DirectoryNode, lookupPath, type Metadata, type TreeNode } from '@slipway/composefs';
import { SlipwayError } from '@slipway/core';
import { DATA_DIRECTORY } from './layout.ts';
import type { ExtensionKind } from './revision.ts';
import { EXTENSION_WORDS } from './units.ts';
import { volumeDirectories } from './volumes.ts';

/** Directories systemd mounts something on. */
const DIRECTORIES = ['/proc', '/sys', '/dev', '/run', '/tmp', '/var/tmp'];
/** Files of the host that are shown in the app. */
const FILES = ['/etc/resolv.conf', '/etc/machine-id', '/etc/hosts'];
/** Where an extension says what it is for. */
const RELEASES: Readonly<Record<ExtensionKind, string>> = {
  sysext: '/usr/lib/extension-release.d',
  confext: '/etc/extension-release.d',
};

/**
 * The tree of an app. The root of an app is read-only, so what is mounted in it needs its place in the image.
 *
 * @throws SlipwayError APP_INVALID when something else stands in such a place
 */
export function appTree(tree: DirectoryNode, name: string, volumes: readonly string[]): DirectoryNode {
  const data = `/var/lib/${DATA_DIRECTORY}/${name}`;
  const withDirectories = [...DIRECTORIES, data].reduce(
    (done, path) => withPlace(done, path, 'directory'),
    tree,
  );
  const withFiles = FILES.reduce((done, path) => withPlace(done, path, 'regular'), withDirectories);
  return volumeDirectories(volumes)
    .filter(({ isNested }) => !isNested)
    .reduce((done, { path, directory }) => withLink(done, path, `${data}/${directory}`), withFiles);
}

/**
 * The tree of an extension. systemd takes it for one by a release file of its name, wherever it came from.
 *
 * @throws SlipwayError APP_INVALID when it has none, or several and none of this name
 */
export function extensionTree(tree: DirectoryNode, name: string, kind: ExtensionKind): DirectoryNode {
  const directory = RELEASES[kind];
  const releases = lookupPath(tree, directory)?.node;
  const files = releases?.kind === 'directory' ? [...releases.entries] : [];
  const own = `extension-release.${name}`;
  const [first, ...others] = files.filter(([file]) => file.startsWith('extension-release.'));
  if (files.some(([file]) => file === own)) return tree;
  if (first === undefined || others.length > 0) {
    throw new SlipwayError(
      'APP_INVALID',
      `cannot use the image as a ${EXTENSION_WORDS[kind]}: it has no ${directory}/${own}`,
      {
        hint: 'write that file into it: ID= and VERSION_ID= of the operating system it is for, or ID=_any (systemd-sysext(8))',
      },
    );
  }
  return withNode(tree, `${directory}/${own}`, first[1]);
}

const NEW: Metadata = { mode: 0o755, uid: 0, gid: 0, mtimeSec: 0, mtimeNsec: 0, xattrs: new Map() };

/** Each time another: a node under two names would be a hard link. */
const EMPTY: Readonly<Record<'directory' | 'regular', () => TreeNode>> = {
  directory: () => ({ kind: 'directory', meta: NEW, entries: new Map() }),
  regular: () => ({
    kind: 'regular',
    meta: { ...NEW, mode: 0o644 },
    content: { kind: 'inline', bytes: new Uint8Array(0) },
  }),
};

function withPlace(tree: DirectoryNode, path: string, kind: 'directory' | 'regular'): DirectoryNode {
  const found = lookupPath(tree, path)?.node;
  if (found?.kind === kind) return tree;
  const here = lookupPath(tree, path, { followLast: false })?.node;
  // A link to nowhere, as images have for files a host writes, gives way.
  if (found !== undefined || (here !== undefined && here.kind !== 'symlink')) {
    throw new SlipwayError(
      'APP_INVALID',
      `cannot run the image as an app: its ${path} is no ${kind === 'directory' ? 'directory' : 'regular file'}`,
      { hint: 'remove it from the image' },
    );
  }
  const above = posix.dirname(path);
  return withNode(above === '/' ? tree : withPlace(tree, above, 'directory'), path, EMPTY[kind]());
}

/** In place of whatever is there: a volume starts empty. A link and no mount: the data are mounted once, mapped to the app's user. */
function withLink(tree: DirectoryNode, path: string, target: string): DirectoryNode {
  const above = posix.dirname(path);
  const parent = above === '/' ? tree : withPlace(tree, above, 'directory');
  return withNode(parent, path, { kind: 'symlink', meta: { ...NEW, mode: 0o777 }, target });
}

/** A copy with a node put at a path whose directory exists. */
function withNode(tree: DirectoryNode, path: string, node: TreeNode): DirectoryNode {
  const parent = lookupPath(tree, posix.dirname(path))?.path ?? '/';
  const names = [...parent.split('/').filter((name) => name !== ''), posix.basename(path)];
  return replaced(tree, names, node);
}

function replaced(
  directory: DirectoryNode,
  [name, ...rest]: readonly string[],
  node: TreeNode,
): DirectoryNode {
  if (name === undefined) return directory;
  const child = directory.entries.get(name);
  const next = rest.length > 0 && child?.kind === 'directory' ? replaced(child, rest, node) : node;
  return { ...directory, entries: new Map([...directory.entries, [name, next]]) };
}
