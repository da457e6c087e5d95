import { SlipwayError } from '@slipway/core';
import { type DiskDirectory, type DiskNode, isPlainName, standInName } from '@slipway/disk';
import type { MadeFileSystem } from './maker.ts';

/** What is said at most: an image that does not fit at all has thousands of reasons. */
const MOST_FINDINGS = 20;
/** `mkfs.xfs` reads a file at once, and counts its bytes in 31 bits. */
const XFS_MOST_BYTES = 2 ** 31 - 4096;
/** Of a link, what an inode has room for; longer targets are written without the checksums they need by `mkfs.xfs` as late as of 6.1. */
const XFS_INLINE_BYTES = 336;
/** No word of a prototype file: white space divides them, a colon begins a remark. */
const DIVIDES_WORDS = /^:|[ \t\n]/;
/** Attributes everybody may give a file of their own. */
const ANYBODYS_ATTRIBUTE = /^user\./;

/**
 * Refuses a tree that the program which makes the file system would not carry whole: it would leave things out without a word.
 *
 * @param isRoot whether attributes of the system can be set on the copy it is made from
 * @throws SlipwayError DISK_TREE_INVALID with what does not fit
 */
export function refuseUnfit(
  fileSystem: MadeFileSystem,
  tree: DiskDirectory,
  isRoot: boolean = process.geteuid?.() === 0,
): void {
  const findings = unfitNodes(fileSystem, tree, isRoot);
  if (findings.length === 0) return;
  const more = findings.length - MOST_FINDINGS;
  throw new SlipwayError(
    'DISK_TREE_INVALID',
    `cannot make a root of ${fileSystem}: mkfs.${fileSystem} does not carry everything that stands on it`,
    {
      findings: [...findings.slice(0, MOST_FINDINGS), ...(more > 0 ? [`and ${more} more`] : [])],
      hint: '--rootfs ext4 carries all of it; slipway install to-disk makes the other file systems on the machine itself, and fills them there',
    },
  );
}

function unfitNodes(fileSystem: MadeFileSystem, tree: DiskDirectory, isRoot: boolean): readonly string[] {
  const findings: string[] = [];
  const seen = new Set<DiskNode>();
  const visit = (node: DiskNode, path: string): void => {
    const why = [
      ...(seen.has(node) ? ['is a second name of another file'] : []),
      ...kindProblems(node),
      ...attributeProblems(fileSystem, node, isRoot),
      ...(fileSystem === 'xfs' ? wordProblems(node, path) : []),
    ];
    seen.add(node);
    for (const each of why) findings.push(`${Buffer.from(path, 'latin1').toString()} ${each}`);
    if (node.kind !== 'directory') return;
    for (const [name, child] of node.entries) visit(child, `${path === '/' ? '' : path}/${name}`);
  };
  visit(tree, '/');
  return findings;
}

function kindProblems({ kind }: DiskNode): readonly string[] {
  return kind === 'directory' || kind === 'file' || kind === 'symlink'
    ? []
    : [`is a ${kind.replace('-', ' ')}`];
}

function attributeProblems(
  fileSystem: MadeFileSystem,
  { meta }: DiskNode,
  isRoot: boolean,
): readonly string[] {
  const names = [...(meta.xattrs?.keys() ?? [])];
  if (fileSystem === 'xfs') return names.map((name) => `has the attribute ${name}`);
  if (isRoot) return [];
  return names
    .filter((name) => !ANYBODYS_ATTRIBUTE.test(name))
    .map((name) => `has the attribute ${name}, which only root can give a copy of it`);
}

function wordProblems(node: DiskNode, path: string): readonly string[] {
  const name = path.slice(path.lastIndexOf('/') + 1);
  const isSaid = node.kind !== 'symlink' || !DIVIDES_WORDS.test(node.target);
  const isShort = node.kind !== 'symlink' || node.target.length <= XFS_INLINE_BYTES;
  return [
    ...(standInName(name) === undefined ? ['has a name that its prototype file cannot hold'] : []),
    ...(isSaid ? [] : ['leads to where its prototype file cannot say']),
    ...(isShort ? [] : [`leads to where takes more than ${XFS_INLINE_BYTES} bytes to say`]),
    ...(node.kind === 'file' && node.sizeBytes > XFS_MOST_BYTES ? ['is larger than 2 GiB'] : []),
    ...(node.kind === 'directory' ? ambiguousNames(node) : []),
  ];
}

/** No two names of a directory may be made under the same one. */
function ambiguousNames({ entries }: DiskDirectory): readonly string[] {
  const times = new Map<string | undefined, number>();
  for (const name of entries.keys()) times.set(standInName(name), (times.get(standInName(name)) ?? 0) + 1);
  return [...entries.keys()]
    .filter((name) => !isPlainName(name) && standInName(name) !== undefined)
    .filter((name) => (times.get(standInName(name)) ?? 0) > 1)
    .map(
      (name) =>
        `holds ${Buffer.from(name, 'latin1').toString()}, which its prototype file cannot tell from another`,
    );
}
