import { type ShownDirectory, writeDump } from '../dump/writer.ts';
import type { LeafFacts } from '../erofs/facts.ts';
import { OVERLAY } from '../erofs/format.ts';
import type { ErofsContents, StoredDirectory } from '../erofs/reader.ts';
import type { ByteString, DirectoryNode, LeafNode, Metadata } from '../tree.ts';

/**
 * The dump of an image as `composefs-info dump` prints it, attributes in byte order: directories with the size they
 * have in the image and, in format 1, with the marks of those that hold whiteouts; a file with several names described at
 * the first one shown.
 *
 * What is lost by that (who owns a hard link, where an image says something unusual) `writeDump` keeps with the facts.
 *
 * @param names only these names of the root and what is below them
 */
export function dumpImage(contents: ErofsContents, names?: ReadonlySet<ByteString>): Generator<Buffer> {
  const facts = new Map<LeafNode, LeafFacts>();
  for (const [node, { owner: _, ...kept }] of contents.facts) facts.set(node, kept);
  return writeDump(contents.root, facts, { names, directories: shownDirectories(contents) });
}

function shownDirectories({
  directories,
  formatVersion,
}: ErofsContents): ReadonlyMap<DirectoryNode, ShownDirectory> {
  const shown = new Map<DirectoryNode, ShownDirectory>();
  for (const [node, stored] of directories) {
    const meta = formatVersion === 1 ? withMarks(node.meta, stored) : node.meta;
    shown.set(node, { sizeBytes: stored.sizeBytes, meta });
  }
  return shown;
}

const MARK = Buffer.from('x');

/** Format 1 makes directories with whiteouts opaque in a way of its own, which the reference tool shows. */
function withMarks(meta: Metadata, { holdsWhiteouts }: StoredDirectory): Metadata {
  if (!holdsWhiteouts) return meta;
  return {
    ...meta,
    xattrs: new Map([...meta.xattrs, [OVERLAY.opaque, MARK], [OVERLAY.userOpaque, MARK]]),
  };
}
