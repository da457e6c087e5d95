import { closeSync, openSync, readSync } from 'node:fs';
import { type OperationOptions, operation } from '@slipway/core';
import { verifyStream } from '@slipway/oci';
import { ByteReader } from '../import/varint.ts';
import type { Repository } from '../repository/repository.ts';
import {
  BLOCK_BYTES,
  COLUMNS,
  CONTROL_LIMIT_BYTES,
  type ColumnName,
  type DeltaHead,
  decodeHead,
  deltaInvalid,
  headLength,
  OPERATION,
  PREFIX_BYTES,
  SECTIONS,
  type SectionName,
  SKELETON_WINDOW_LOG,
  WINDOW_LOG,
} from './format.ts';
import { OldContent, readingMemory } from './old-content.ts';
import type { OldFile, OldFileList } from './old-file-list.ts';
import type { OldFiles } from './old-files.ts';
import { SectionReader, type StoredSection } from './section-reader.ts';
import { restoreChecksums, ZeroUnpacker } from './skeleton.ts';

/** A delta of a layer in a file, its head read. */
export interface LayerDelta {
  readonly path: string;
  readonly head: DeltaHead;
  readonly sections: Readonly<Record<SectionName, StoredSection>>;
}

/** Content goes out in pieces of at most this. */
const PIECE_BYTES = 1024 * 1024;
const SKELETON_PIECE_BYTES = 64 * 1024;
const ZEROS = Buffer.alloc(BLOCK_BYTES);

/**
 * Reads the head of a delta.
 *
 * @throws SlipwayError DELTA_INVALID
 */
export function readLayerDelta(path: string, deltaBytes: number): LayerDelta {
  const prefix = readAt(path, 0, PREFIX_BYTES);
  const length = headLength(prefix);
  const head = decodeHead(readAt(path, PREFIX_BYTES, length), deltaBytes);
  let atBytes = PREFIX_BYTES + length;
  const place = (name: SectionName): StoredSection => {
    const section = { ...head.sections[name], path, atBytes };
    atBytes += section.storedBytes;
    return section;
  };
  const [control, skeleton, diff, extra] = SECTIONS.map(place);
  if (control === undefined || skeleton === undefined || diff === undefined || extra === undefined)
    throw new Error('internal error: a delta has four sections');
  return { path, head, sections: { control, skeleton, diff, extra } };
}

/**
 * Makes the archive of a layer from old files and a delta.
 *
 * The delta is trusted in nothing: what it makes counts only when the stream ends without an error, for then it has the
 * digest the configuration of the image names, as a layer that was pulled has. Memory is bounded whatever the delta says.
 *
 * @throws SlipwayError DELTA_INVALID, OBJECT_MISSING, OBJECT_CORRUPT; OCI_DIGEST_MISMATCH at the end
 */
export async function* openLayerDelta(
  repository: Repository,
  delta: LayerDelta,
  old: OldFiles,
  options: OperationOptions = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  const { diffId } = delta.head;
  const archive = copied(makeArchive(repository, delta, old, options));
  yield* verifyStream(archive, diffId, undefined, `layer ${diffId} made of a delta`);
}

/**
 * The same, not verified: whoever reads it compares its digest. A piece is good until the next one is asked for, which saves a
 * reader that copies it anyway half of the time.
 */
export async function* makeArchive(
  repository: Repository,
  delta: LayerDelta,
  old: OldFiles,
  options: OperationOptions = {},
): AsyncGenerator<Buffer, void, undefined> {
  using maker = new ArchiveMaker(repository, delta, old, operation(options).signal);
  yield* maker.archive();
}

async function* copied(pieces: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void, undefined> {
  for await (const piece of pieces) yield Buffer.from(piece);
}

/** Walks over the segments. */
class ArchiveMaker implements Disposable {
  readonly #repository: Repository;
  readonly #delta: LayerDelta;
  readonly #files: OldFileList;
  readonly #signal: AbortSignal;
  readonly #control: SectionReader;
  readonly #skeleton: SectionReader;
  readonly #unpacker: ZeroUnpacker;
  readonly #diff: SectionReader;
  readonly #extra: SectionReader;
  #readInto: Buffer | undefined;
  #putTogether: Buffer | undefined;
  #nextReference = 0;
  #leftBytes: number;

  constructor(repository: Repository, delta: LayerDelta, old: OldFiles, signal: AbortSignal) {
    const { control, skeleton, diff, extra } = delta.sections;
    this.#repository = repository;
    this.#delta = delta;
    this.#files = old.files;
    this.#signal = signal;
    this.#leftBytes = delta.head.archiveBytes;
    this.#control = new SectionReader(control, WINDOW_LOG);
    this.#skeleton = new SectionReader(skeleton, SKELETON_WINDOW_LOG, old.dictionary);
    this.#unpacker = new ZeroUnpacker(this.#skeleton, SKELETON_PIECE_BYTES);
    this.#diff = new SectionReader(diff, WINDOW_LOG);
    this.#extra = new SectionReader(extra, WINDOW_LOG);
  }

  async *archive(): AsyncGenerator<Buffer, void, undefined> {
    const columns = splitColumns(await this.#control.whole(this.#delta.sections.control));
    for (let isOver = false; !isOver; ) {
      this.#signal.throwIfAborted();
      yield* this.#skeletonPieces(columns.heads.number());
      const operation = columns.operations.number(OPERATION.end);
      isOver = operation === OPERATION.end;
      if (operation === OPERATION.copy) yield* this.#copy(this.#file(columns));
      else if (operation === OPERATION.patch) yield* this.#patch(this.#file(columns), columns);
      else if (operation === OPERATION.fresh) yield* this.#fresh(columns.sizes.number());
    }
    if (this.#leftBytes !== 0) throw deltaInvalid('it makes less than it says');
  }

  [Symbol.dispose](): void {
    for (const section of [this.#control, this.#skeleton, this.#diff, this.#extra]) section[Symbol.dispose]();
  }

  #memory(): Buffer {
    this.#readInto ??= readingMemory();
    return this.#readInto;
  }

  #output(): Buffer {
    this.#putTogether ??= Buffer.allocUnsafeSlow(PIECE_BYTES);
    return this.#putTogether;
  }

  /** The lowest bit says whether checksums go in. */
  async *#skeletonPieces(coded: number): AsyncGenerator<Buffer, void, undefined> {
    let missing = Math.floor(coded / 2);
    this.#count(missing);
    while (missing > 0) {
      const piece = await this.#unpacker.take(Math.min(missing, SKELETON_PIECE_BYTES));
      if (coded % 2 === 0) restoreChecksums(piece);
      missing -= piece.length;
      yield piece;
    }
  }

  async *#copy(file: OldFile): AsyncGenerator<Buffer, void, undefined> {
    this.#count(file.sizeBytes);
    using content = new OldContent(this.#repository, file, this.#memory());
    for (let at = 0; at < file.sizeBytes; at += PIECE_BYTES) {
      yield content.read(at, Math.min(PIECE_BYTES, file.sizeBytes - at));
    }
    yield* this.#padding(file.sizeBytes);
  }

  async *#patch(file: OldFile, columns: Columns): AsyncGenerator<Buffer, void, undefined> {
    const sizeBytes = columns.sizes.number();
    this.#count(sizeBytes);
    using content = new OldContent(this.#repository, file, this.#memory());
    const output = new PieceOutput(this.#output(), sizeBytes);
    let at = 0;
    for (let left = sizeBytes; left > 0; ) {
      const added = columns.adds.number(left);
      const extra = columns.extras.number(left - added);
      // A step may make nothing and only move; the column ends in any case.
      left -= added + extra;
      for (let missing = added; missing > 0; ) {
        const wanted = Math.min(missing, output.room);
        const piece = this.#diff.nextNow(wanted) ?? (await this.#diff.next(wanted));
        output.sum(content.read(at, piece.length), piece);
        at += piece.length;
        missing -= piece.length;
        if (output.isFull) yield output.take();
      }
      for (let missing = extra; missing > 0; ) {
        const wanted = Math.min(missing, output.room);
        const piece = this.#extra.nextNow(wanted) ?? (await this.#extra.next(wanted));
        output.put(piece);
        missing -= piece.length;
        if (output.isFull) yield output.take();
      }
      at += columns.seeks.signed();
    }
    yield* this.#padding(sizeBytes);
  }

  async *#fresh(sizeBytes: number): AsyncGenerator<Buffer, void, undefined> {
    this.#count(sizeBytes);
    for (let missing = sizeBytes; missing > 0; ) {
      const piece = this.#extra.nextNow(missing) ?? (await this.#extra.next(missing));
      missing -= piece.length;
      yield piece;
    }
    yield* this.#padding(sizeBytes);
  }

  *#padding(sizeBytes: number): Generator<Buffer, void, undefined> {
    const length = (BLOCK_BYTES - (sizeBytes % BLOCK_BYTES)) % BLOCK_BYTES;
    this.#count(length);
    if (length > 0) yield ZEROS.subarray(0, length);
  }

  #file(columns: Columns): OldFile {
    const number = this.#nextReference + columns.references.signed();
    this.#nextReference = number + 1;
    const file = this.#files.at(number);
    if (file === undefined) throw deltaInvalid('it names a file the old image does not have');
    return file;
  }

  /** Said before it is made, so that nothing is made in vain. */
  #count(bytes: number): void {
    this.#leftBytes -= bytes;
    if (this.#leftBytes < 0) throw deltaInvalid('it makes more than it says');
  }
}

/** Pieces of content being put together, one after the other in the same memory: of a short file, the whole. */
class PieceOutput {
  readonly #memory: Buffer;
  #leftBytes: number;
  #piece: Buffer;
  #filled = 0;

  constructor(memory: Buffer, sizeBytes: number) {
    this.#memory = memory;
    this.#piece = memory.subarray(0, sizeBytes);
    this.#leftBytes = sizeBytes - this.#piece.length;
  }

  get room(): number {
    return this.#piece.length - this.#filled;
  }

  get isFull(): boolean {
    return this.#filled === this.#piece.length;
  }

  sum(old: Buffer, difference: Buffer): void {
    const piece = this.#piece;
    const start = this.#filled;
    for (let at = 0; at < difference.length; at += 1) {
      piece[start + at] = (old[at] ?? 0) + (difference[at] ?? 0);
    }
    this.#filled += difference.length;
  }

  put(bytes: Buffer): void {
    this.#filled += bytes.copy(this.#piece, this.#filled);
  }

  /** The full piece; the next one begins. */
  take(): Buffer {
    const piece = this.#piece;
    this.#piece = this.#memory.subarray(0, this.#leftBytes);
    this.#leftBytes -= this.#piece.length;
    this.#filled = 0;
    return piece;
  }
}

type Columns = Readonly<Record<ColumnName, ByteReader>>;

function splitColumns(control: Buffer): Columns {
  const reader = new ByteReader(control, deltaInvalid);
  const column = (): ByteReader => new ByteReader(reader.bytes(CONTROL_LIMIT_BYTES), deltaInvalid);
  const columns = Object.fromEntries(COLUMNS.map((name) => [name, column()])) as Record<
    ColumnName,
    ByteReader
  >;
  if (!reader.atEnd) throw deltaInvalid('bytes follow its columns');
  return columns;
}

function readAt(path: string, atBytes: number, lengthBytes: number): Buffer {
  const fd = openSync(path, 'r');
  try {
    const bytes = Buffer.alloc(lengthBytes);
    const count = readSync(fd, bytes, 0, lengthBytes, atBytes);
    if (count < lengthBytes) throw deltaInvalid('it is cut short');
    return bytes;
  } finally {
    closeSync(fd);
  }
}
