import { type ByteStream, isSlipwayError, SlipwayError } from '@slipway/core';
import { bufferOf, latin1Slice } from '../erofs/byte-string.ts';
import type { LeafFacts, TreeWithFacts } from '../erofs/facts.ts';
import { LIMITS, MODE_TYPE } from '../erofs/format.ts';
import type { OpenDirectory, Place } from '../erofs/open-directory.ts';
import type { DirectoryNode, LeafNode, Metadata, TreeNode } from '../tree.ts';
import { unescapeField } from './escape.ts';
import { Fields, invalid } from './fields.ts';
import { followLinks, type HardLink, linkFacts } from './hard-links.ts';
import { type DumpLine, parseLine } from './line.ts';
import { leafOfLine } from './node-of-line.ts';

/** No line of a dump comes near this; one that does is refused before it fills the memory. */
const LINE_BYTES_MAX = 1024 * 1024;
/** A dump may be longer than any string, and short ones stay in the cache of the processor. */
const CHUNK_BYTES = 256 * 1024;
const NEWLINE = 0x0a;
const SLASH = 0x2f;

/**
 * Reads composefs-dump(5).
 *
 * The tree holds the same node under every name of a hard link; `facts` has what a tree cannot say, and
 * given to `writeErofs` makes the image the reference tool makes of the same dump.
 *
 * @throws SlipwayError DUMP_INVALID with the number of the line
 */
export function parseDump(bytes: Uint8Array): TreeWithFacts {
  const parser = new DumpParser();
  for (let from = 0; from < bytes.length; from += CHUNK_BYTES) {
    parser.take(bytes.subarray(from, from + CHUNK_BYTES));
  }
  return parser.finish();
}

/**
 * The same for a stream, line by line. A piece may be overwritten as soon as the next one is asked for.
 *
 * @throws SlipwayError DUMP_INVALID with the number of the line
 */
export async function readDump(stream: ByteStream): Promise<TreeWithFacts> {
  const parser = new DumpParser();
  for await (const chunk of stream) parser.take(chunk);
  return parser.finish();
}

class DumpParser {
  /** A line whose end was not seen yet, in pieces. */
  #rest: Buffer[] = [];
  #restBytes = 0;
  #lineNumber = 0;
  #root: OpenDirectory | undefined;
  /** By path as written, so that no path is taken apart twice; both spellings of the root's are in. */
  readonly #directories = new Map<string, OpenDirectory>();
  #lastMeta: Metadata | undefined;
  /** As written, and where it leads. */
  #lastParentPath: Buffer | undefined;
  #lastParent: OpenDirectory | undefined;
  readonly #opened = new Map<DirectoryNode, OpenDirectory>();
  readonly #links = new Map<TreeNode, HardLink>();
  /** Link counts that are not 1. */
  readonly #linkCounts = new Map<LeafNode, number>();
  readonly #sizes = new Map<LeafNode, number>();

  take(chunk: Uint8Array): void {
    const bytes = bufferOf(chunk);
    const nul = firstNul(bytes);
    let from = 0;
    for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, from)) {
      if (this.#restBytes === 0) this.#line(bytes, from, end, nul);
      else this.#restLine(bytes.subarray(from, end));
      from = end + 1;
    }
    // Copied: the piece may be overwritten as soon as the next is asked for.
    if (from < bytes.length) this.#rest.push(Buffer.from(bytes.subarray(from)));
    this.#restBytes += bytes.length - from;
    if (this.#restBytes > LINE_BYTES_MAX) throw atLine(this.#lineNumber + 1, invalid('it has no end'));
  }

  #restLine(end: Buffer): void {
    const line = Buffer.concat([...this.#rest, end]);
    this.#rest = [];
    this.#restBytes = 0;
    this.#line(line, 0, line.length, firstNul(line));
  }

  finish(): TreeWithFacts {
    if (this.#restBytes > 0) this.#restLine(Buffer.alloc(0));
    if (this.#root === undefined) throw atLine(1, invalid('the root directory is missing'));
    const facts = this.#resolveLinks();
    for (const [node, sizeBytes] of this.#sizes) facts.set(node, { ...facts.get(node), sizeBytes });
    return { root: this.#root.node, facts };
  }

  /** @param nul where the first NUL of `bytes` is: whoever read on from one is not here any more */
  #line(bytes: Buffer, start: number, end: number, nul: number): void {
    this.#lineNumber += 1;
    try {
      if (nul < end) throw invalid('it holds a NUL');
      const fields = new Fields(bytes, start, end);
      fields.next();
      const { from, to } = fields;
      const line = parseLine(fields, this.#lastMeta);
      this.#lastMeta = line.meta;
      const path = { bytes, from, to };
      if (this.#root === undefined) this.#addRoot(line, path);
      else this.#addEntry(line, path);
    } catch (error) {
      throw isSlipwayError(error, 'DUMP_INVALID') ? atLine(this.#lineNumber, error) : error;
    }
  }

  #addRoot(line: DumpLine, path: Span): void {
    if (textOf(path) !== '/' || line.type !== MODE_TYPE.directory) {
      throw invalid('the first line must be the root directory, "/"');
    }
    const root = this.#open(line.meta, undefined, '');
    this.#directories.set('', root).set('/', root);
    this.#root = root;
  }

  #addEntry(line: DumpLine, path: Span): void {
    const place = this.#placeOf(path);
    const { entries } = place.directory;
    const before = entries.size;
    entries.set(place.name, this.#nodeOf(line, place, path));
    if (entries.size === before) throw invalid(`${textOf(path)} is there already`);
  }

  #nodeOf(line: DumpLine, place: Place, path: Span): TreeNode {
    if (line.hardLink) return this.#linkNode(line, place);
    if (line.type !== MODE_TYPE.directory) return this.#leafNode(line);
    const opened = this.#open(line.meta, place.directory, place.name);
    this.#directories.set(textOf(path), opened);
    return opened.node;
  }

  #open(meta: Metadata, parent: OpenDirectory | undefined, name: string): OpenDirectory {
    const entries = new Map<string, TreeNode>();
    const opened: OpenDirectory = { node: { kind: 'directory', meta, entries }, entries, parent, name };
    this.#opened.set(opened.node, opened);
    return opened;
  }

  #leafNode(line: DumpLine): LeafNode {
    const node = leafOfLine(line);
    if (line.nlink !== 1) this.#linkCounts.set(node, line.nlink);
    if (line.sizeBytes !== 0 && node.kind !== 'regular' && node.kind !== 'symlink') {
      this.#sizes.set(node, line.sizeBytes);
    }
    return node;
  }

  /** Holds the place until the target is known. */
  #linkNode(line: DumpLine, place: Place): LeafNode {
    const node: LeafNode = { kind: 'fifo', meta: line.meta };
    this.#links.set(node, { ...place, line: this.#lineNumber, target: line.payload ?? '' });
    return node;
  }

  /** @throws SlipwayError DUMP_INVALID when a parent is missing or the name is none */
  #placeOf(path: Span): Place {
    const { bytes, from, to } = path;
    let slash = to - 1;
    while (slash > from && bytes[slash] !== SLASH) slash -= 1;
    const directory = this.#parentAt(bytes, from, slash);
    if (bytes[from] !== SLASH || directory === undefined) {
      throw invalid(`the directory of ${textOf(path)} is missing`);
    }
    const written = latin1Slice(bytes, slash + 1, to);
    const name = unescapeField(written);
    if (
      name === '' ||
      name === '.' ||
      name === '..' ||
      name.length > LIMITS.nameBytes ||
      // Without an escape there is neither: the line was searched for one and the path was cut at the other.
      (name !== written && /[/\0]/.test(name))
    ) {
      throw invalid(`${textOf(path)} does not end in a name`);
    }
    return { directory, name };
  }

  /** Most lines are in the directory of the line before. */
  #parentAt(bytes: Buffer, from: number, to: number): OpenDirectory | undefined {
    const last = this.#lastParentPath;
    if (last !== undefined && isSame(last, bytes, from, to)) return this.#lastParent;
    const path = latin1Slice(bytes, from, to);
    this.#lastParentPath = Buffer.from(path, 'latin1');
    this.#lastParent = this.#directories.get(path) ?? this.#directoryAt(unescapeField(path));
    return this.#lastParent;
  }

  #directoryAt(path: string): OpenDirectory | undefined {
    let at = this.#root;
    for (const name of path.split('/')) {
      if (name === '') continue;
      const node: TreeNode | undefined = at?.entries.get(name);
      at = node?.kind === 'directory' ? this.#opened.get(node) : undefined;
      if (at === undefined) return undefined;
    }
    return at;
  }

  #resolveLinks(): Map<LeafNode, LeafFacts> {
    const lookUp = (path: string): Place | undefined => {
      const slash = path.lastIndexOf('/');
      const directory = this.#directoryAt(path.slice(0, Math.max(slash, 0)));
      return directory === undefined ? undefined : { directory, name: path.slice(slash + 1) };
    };
    const resolved = followLinks(this.#links, lookUp, (link, why) => atLine(link.line, invalid(why)));
    for (const { link, to } of resolved) link.directory.entries.set(link.name, to.node);
    return linkFacts(resolved, this.#linkCounts);
  }
}

/** Past the end where there is none. */
function firstNul(bytes: Buffer): number {
  const nul = bytes.indexOf(0);
  return nul < 0 ? bytes.length : nul;
}

/** Bytes of a line. */
interface Span {
  readonly bytes: Buffer;
  readonly from: number;
  readonly to: number;
}

function textOf({ bytes, from, to }: Span): string {
  return latin1Slice(bytes, from, to);
}

function isSame(whole: Buffer, bytes: Buffer, from: number, to: number): boolean {
  if (whole.length !== to - from) return false;
  // From the end: paths differ there.
  for (let index = whole.length - 1; index >= 0; index -= 1) {
    if (whole[index] !== bytes[from + index]) return false;
  }
  return true;
}

/** Says where in the dump something is wrong. */
function atLine(line: number, problem: SlipwayError): SlipwayError {
  return new SlipwayError('DUMP_INVALID', `cannot read line ${line} of the dump: ${problem.message}`, {
    details: { line },
  });
}
