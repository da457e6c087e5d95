import { type DiskDirectory, type DiskFile, type DiskNode, standInName } from '@slipway/disk';

/** Begins every prototype file: a name and two numbers that once meant something. */
const PREAMBLE = 'slipway\n0 0\n';
const SET_USER_BIT = 0o4000;
const SET_GROUP_BIT = 0o2000;

/**
 * A tree as `mkfs.xfs -p` takes it (mkfs.xfs(8)): a line for each file, a dollar sign at the end of each directory.
 *
 * It cannot say the sticky bit, times, attributes, and that two names are one file; names it cannot say stand there as {@link standInName}.
 *
 * @param contentOf where the content of a file is on this machine, a path without white space
 */
export function prototypeFile(tree: DiskDirectory, contentOf: (file: DiskFile) => string): Buffer {
  const lines: string[] = [];
  const entries = (directory: DiskDirectory): void => {
    for (const [name, node] of directory.entries) {
      lines.push(`${standInName(name)} ${specification(node, contentOf)}`);
      if (node.kind === 'directory') entries(node);
    }
    lines.push('$');
  };
  lines.push(specification(tree, contentOf));
  entries(tree);
  return Buffer.from(`${PREAMBLE}${lines.join('\n')}\n`, 'latin1');
}

function specification(node: DiskNode, contentOf: (file: DiskFile) => string): string {
  const { mode, uid, gid } = node.meta;
  const user = (mode & SET_USER_BIT) === 0 ? '-' : 'u';
  const group = (mode & SET_GROUP_BIT) === 0 ? '-' : 'g';
  const permissions = (mode & 0o777).toString(8).padStart(3, '0');
  const who = `${user}${group}${permissions} ${uid} ${gid}`;
  if (node.kind === 'directory') return `d${who}`;
  if (node.kind === 'symlink') return `l${who} ${node.target}`;
  if (node.kind === 'file') return `-${who} ${Buffer.from(contentOf(node)).toString('latin1')}`;
  throw new TypeError(`a prototype file holds no ${node.kind}`);
}
