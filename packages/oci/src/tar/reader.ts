import type { ByteStream } from '@slipway/core';
import { ChunkCursor } from './chunk-cursor.ts';
import type { TarEntry, TarHeader } from './entry.ts';
import { EntryBody } from './entry-body.ts';
import { ExtendedHeaders } from './extended-headers.ts';
import {
  BLOCK_BYTES,
  checkChecksum,
  type HeaderBlock,
  HeaderProblem,
  isZeroBlock,
  nameOf,
  parseHeaderBlock,
  TYPE,
} from './format.ts';
import { checkSparse, readMapInBody, readOldGnuSparse, type SparseFile } from './sparse.ts';
import { quoteName, tarError } from './tar-error.ts';

/** What an archive may ask of its reader; every limit has a default no honest image reaches. */
export interface TarLimits {
  /** Longest name and link target. Default: 4095, what the kernel takes. */
  readonly maxPathBytes: number;
  /** Longest extended header, all extended attributes of a file included. Default: 1 MiB. */
  readonly maxExtendedHeaderBytes: number;
  /** Zeros that sparse files may unfold to, all members together. Default: 64 GiB. */
  readonly maxHoleBytes: number;
}

/** Options of {@link readTar}. */
export interface ReadTarOptions extends Partial<TarLimits> {
  readonly signal?: AbortSignal;
}

const DEFAULT_LIMITS: TarLimits = {
  maxPathBytes: 4095,
  maxExtendedHeaderBytes: 1 << 20,
  maxHoleBytes: 64 * 2 ** 30,
};

/**
 * Reads a tar archive: ustar, GNU, star, seventh edition and PAX, sparse files, names and attributes as bytes.
 *
 * Each member's body must be read, or is passed over, before the next member is asked for. The stream is
 * read to its very end, past the archive's end mark, so that a digest checked at the end of the stream is
 * always checked. Names are handed out as archived: making them safe is the reader's business. The stream may take a chunk back when it is
 * asked for the next one; so may then what reads a body.
 *
 * An archive may end without its two zero blocks (images have such layers), but not inside a member.
 *
 * @throws SlipwayError OCI_TAR_INVALID naming the member; whatever the stream itself throws
 */
export function readTar(
  stream: ByteStream,
  options: ReadTarOptions = {},
): AsyncGenerator<TarEntry, void, undefined> {
  return readTarFrom(new ChunkCursor(stream), options);
}

/** The same from a cursor, which the caller may watch. */
export async function* readTarFrom(
  cursor: ChunkCursor,
  options: ReadTarOptions = {},
): AsyncGenerator<TarEntry, void, undefined> {
  const members = new MemberReader(cursor, { ...DEFAULT_LIMITS, ...options });
  try {
    for (;;) {
      options.signal?.throwIfAborted();
      const member = await members.next();
      if (member === undefined) break;
      yield member.entry;
      await member.body.finish();
    }
    await cursor.drain();
  } finally {
    await cursor.close();
  }
}

interface Member {
  readonly entry: TarEntry;
  readonly body: EntryBody;
}

/** Walks over header blocks, applying extended headers to the member they precede. */
class MemberReader {
  readonly #cursor: ChunkCursor;
  readonly #limits: TarLimits;
  readonly #extended: ExtendedHeaders;
  #holeBytes = 0;
  /** Offset of the header being read and the member's name as far as it is known: what errors say. */
  #headerAt = 0;
  #name: string | undefined;

  constructor(cursor: ChunkCursor, limits: TarLimits) {
    this.#cursor = cursor;
    this.#limits = limits;
    this.#extended = new ExtendedHeaders(limits.maxPathBytes);
  }

  /** The next member, or undefined at the end of the archive. */
  async next(): Promise<Member | undefined> {
    this.#name = undefined;
    try {
      for (;;) {
        this.#headerAt = this.#cursor.position;
        const block = await this.#nextBlock();
        if (block === undefined) return undefined;
        checkChecksum(block);
        this.#name ??= nameOf(block);
        const header = parseHeaderBlock(block);
        if (await this.#isExtension(header)) continue;
        return await this.#member(header, block);
      }
    } catch (error) {
      if (!(error instanceof HeaderProblem)) throw error;
      throw tarError(error.message, this.#headerAt, this.#name);
    }
  }

  async #nextBlock(): Promise<Buffer | undefined> {
    const block = await this.#cursor.take(BLOCK_BYTES);
    if (block.length > 0 && block.length < BLOCK_BYTES)
      throw new HeaderProblem('the archive ends inside a header');
    if (block.length === BLOCK_BYTES && !isZeroBlock(block)) return block;
    if (this.#extended.pending) throw new HeaderProblem('the archive ends after an extended header');
    if (block.length === BLOCK_BYTES) await this.#checkEndMark();
    return undefined;
  }

  /** Two zero blocks end an archive; what follows one alone would be seen by some tools and not by others. */
  async #checkEndMark(): Promise<void> {
    const second = await this.#cursor.take(BLOCK_BYTES);
    if (second.length === BLOCK_BYTES && !isZeroBlock(second)) {
      throw new HeaderProblem('a single zero block stands between its members');
    }
  }

  async #isExtension(header: HeaderBlock): Promise<boolean> {
    switch (header.typeFlag) {
      case TYPE.paxEntry:
      case TYPE.paxEntrySolaris:
        this.#extended.addPax(await this.#extensionBody(header));
        break;
      case TYPE.paxGlobal:
        this.#extended.addGlobal(await this.#extensionBody(header));
        break;
      case TYPE.gnuLongName:
        this.#extended.addLongName(await this.#extensionBody(header));
        break;
      case TYPE.gnuLongLink:
        this.#extended.addLongLink(await this.#extensionBody(header));
        break;
      case TYPE.gnuVolumeLabel:
        break;
      default:
        return false;
    }
    this.#name = this.#extended.path;
    return true;
  }

  async #extensionBody(header: HeaderBlock): Promise<Buffer> {
    const limit = this.#limits.maxExtendedHeaderBytes;
    if (header.sizeBytes > limit)
      throw new HeaderProblem(`its extended header is larger than ${limit} bytes`);
    const padded = Math.ceil(header.sizeBytes / BLOCK_BYTES) * BLOCK_BYTES;
    const body = await this.#cursor.take(padded);
    if (body.length < padded) throw new HeaderProblem('the archive ends inside its extended header');
    // A copy: what it says holds while the body of the member is read, and the chunk it stands in may be gone by then.
    return Buffer.from(body.subarray(0, header.sizeBytes));
  }

  async #member(block: HeaderBlock, bytes: Buffer): Promise<Member> {
    const {
      header: named,
      storedBytes: stored,
      sparse: paxSparse,
    } = this.#extended.apply(block, kindOf(block, this.#extended.path ?? block.name));
    this.#name = named.path;
    let storedBytes = named.kind === 'file' ? stored : 0;
    let sparse: SparseFile | undefined;
    if (block.typeFlag === TYPE.gnuSparse) {
      sparse = await readOldGnuSparse(bytes, this.#cursor);
    } else if (paxSparse?.map.kind === 'here') {
      sparse = { sizeBytes: paxSparse.sizeBytes, extents: paxSparse.map.extents };
    } else if (paxSparse !== undefined) {
      const { extents, mapBytes } = await readMapInBody(this.#cursor, storedBytes);
      sparse = { sizeBytes: paxSparse.sizeBytes, extents };
      storedBytes -= mapBytes;
    }
    if (sparse !== undefined) this.#checkSparse(sparse, storedBytes);
    const header: TarHeader = { ...named, sizeBytes: sparse?.sizeBytes ?? storedBytes };
    const body = new EntryBody(this.#cursor, header.path, storedBytes, sparse);
    return { entry: { ...header, body }, body };
  }

  #checkSparse(sparse: SparseFile, storedBytes: number): void {
    checkSparse(sparse, storedBytes);
    this.#holeBytes += sparse.sizeBytes - storedBytes;
    if (this.#holeBytes > this.#limits.maxHoleBytes) {
      throw new HeaderProblem(
        `sparse files up to here unfold to over ${this.#limits.maxHoleBytes} bytes of zeros`,
      );
    }
  }
}

const KINDS: ReadonlyMap<string, TarHeader['kind']> = new Map([
  [TYPE.file, 'file'],
  [TYPE.contiguousFile, 'file'],
  [TYPE.gnuSparse, 'file'],
  [TYPE.hardlink, 'hardlink'],
  [TYPE.symlink, 'symlink'],
  [TYPE.characterDevice, 'character-device'],
  [TYPE.blockDevice, 'block-device'],
  [TYPE.directory, 'directory'],
  [TYPE.fifo, 'fifo'],
]);

function kindOf(block: HeaderBlock, path: string): TarHeader['kind'] {
  // The seventh edition had no flag for directories: a slash at the end of the name said it.
  if (block.typeFlag === TYPE.oldFile) return path.endsWith('/') ? 'directory' : 'file';
  const kind = KINDS.get(block.typeFlag);
  if (kind === undefined) throw new HeaderProblem(`its type ${quoteName(block.typeFlag)} is unknown`);
  return kind;
}
