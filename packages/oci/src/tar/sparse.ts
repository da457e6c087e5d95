/** Sparse files in the four forms GNU tar has written: old GNU headers, and PAX 0.0, 0.1 and 1.0. */
import type { ChunkCursor } from './chunk-cursor.ts';
import { BLOCK_BYTES, HeaderProblem, parseNumber } from './format.ts';
import { PAX, type PaxRecord, parsePaxName, parsePaxNumber } from './pax.ts';

/** A run of stored bytes and where in the file it belongs; everything between is zeros. */
export interface SparseExtent {
  readonly offsetBytes: number;
  readonly lengthBytes: number;
}

/** A file larger than what is stored of it. */
export interface SparseFile {
  readonly sizeBytes: number;
  readonly extents: readonly SparseExtent[];
}

/** What the PAX records of a sparse file say; the map of format 1.0 stands in the body and is read later. */
export interface PaxSparse {
  readonly sizeBytes: number;
  readonly path: string | undefined;
  readonly map:
    | { readonly kind: 'here'; readonly extents: readonly SparseExtent[] }
    | { readonly kind: 'in-body' };
}

/** More pieces than a file system would make of any real file. */
const MAX_EXTENTS = 1 << 20;
/** Old GNU header: 4 pairs of numbers, the "more follows" flag, the real size; then blocks of 21 pairs and a flag. */
const OLD = { pairs: 386, count: 4, more: 482, realSize: 483, blockCount: 21, blockMore: 504 } as const;

/** Reads the old GNU map: it starts in the header block and goes on in blocks of its own before the body. */
export async function readOldGnuSparse(block: Buffer, cursor: ChunkCursor): Promise<SparseFile> {
  const sizeBytes = parseNumber(block, { start: OLD.realSize, length: 12 }, 'real size');
  const extents = readPairs(block, OLD.pairs, OLD.count);
  let more = block[OLD.more] !== 0;
  while (more) {
    const next = await cursor.take(BLOCK_BYTES);
    if (next.length < BLOCK_BYTES) throw new HeaderProblem('the archive ends inside its sparse map');
    extents.push(...readPairs(next, 0, OLD.blockCount));
    if (extents.length > MAX_EXTENTS) throw new HeaderProblem('its sparse map is too long');
    more = next[OLD.blockMore] !== 0;
  }
  return { sizeBytes, extents };
}

function readPairs(block: Buffer, start: number, count: number): SparseExtent[] {
  const extents: SparseExtent[] = [];
  for (let index = 0; index < count; index += 1) {
    const at = start + index * 24;
    if (block[at] === 0) break;
    extents.push({
      offsetBytes: parseNumber(block, { start: at, length: 12 }, 'sparse map'),
      lengthBytes: parseNumber(block, { start: at + 12, length: 12 }, 'sparse map'),
    });
  }
  return extents;
}

/** Reads the `GNU.sparse.*` records; undefined when there are none. */
export function readPaxSparse(records: readonly PaxRecord[]): PaxSparse | undefined {
  const own = records.filter((record) => record.key.startsWith(PAX.sparsePrefix));
  if (own.length === 0) return undefined;
  const last = (name: string): Buffer | undefined =>
    own.findLast((record) => record.key === `${PAX.sparsePrefix}${name}`)?.value;
  const pathValue = last('name');
  const path = pathValue === undefined ? undefined : parsePaxName(pathValue, 'name');
  const sizeValue = last('realsize') ?? last('size');
  if (sizeValue === undefined) throw new HeaderProblem('its sparse file has no size');
  const sizeBytes = parsePaxNumber(sizeValue, 'real size', Number.MAX_SAFE_INTEGER);
  const version = `${last('major')?.toString('latin1') ?? '0'}.${last('minor')?.toString('latin1') ?? '0'}`;
  if (version === '1.0') return { sizeBytes, path, map: { kind: 'in-body' } };
  if (version !== '0.0' && version !== '0.1') {
    throw new HeaderProblem(`its sparse format ${JSON.stringify(version.slice(0, 20))} is unknown`);
  }
  const list = last('map');
  const numbers = list === undefined ? pairedRecords(own) : list.toString('latin1').split(',');
  return { sizeBytes, path, map: { kind: 'here', extents: pairUp(numbers) } };
}

/** Format 0.0 repeats `offset` and `numbytes` in turn. */
function pairedRecords(records: readonly PaxRecord[]): string[] {
  const numbers: string[] = [];
  for (const { key, value } of records) {
    const isOffset = key === `${PAX.sparsePrefix}offset`;
    if (!isOffset && key !== `${PAX.sparsePrefix}numbytes`) continue;
    if (isOffset !== (numbers.length % 2 === 0)) throw new HeaderProblem('its sparse map is out of order');
    numbers.push(value.toString('latin1'));
  }
  return numbers;
}

function pairUp(numbers: readonly string[]): SparseExtent[] {
  if (numbers.length === 1 && numbers[0] === '') return [];
  if (numbers.length % 2 !== 0) throw new HeaderProblem('its sparse map has an odd length');
  const extents: SparseExtent[] = [];
  for (let index = 0; index < numbers.length; index += 2) {
    extents.push({
      offsetBytes: parseMapNumber(numbers[index] ?? ''),
      lengthBytes: parseMapNumber(numbers[index + 1] ?? ''),
    });
  }
  return extents;
}

function parseMapNumber(text: string): number {
  const number = /^[0-9]{1,20}$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(number)) throw new HeaderProblem('its sparse map is not made of numbers');
  return number;
}

/**
 * Reads the map of format 1.0 from the start of the body: decimal lines (count, then offset and length in
 * turn), padded to a block. Returns how many bytes of the body it took.
 */
export async function readMapInBody(
  cursor: ChunkCursor,
  storedBytes: number,
): Promise<{ readonly extents: readonly SparseExtent[]; readonly mapBytes: number }> {
  let mapBytes = 0;
  let rest = '';
  const lines: string[] = [];
  let wanted = 1;
  while (lines.length < wanted) {
    if (mapBytes + BLOCK_BYTES > storedBytes)
      throw new HeaderProblem('its sparse map is longer than its body');
    const block = await cursor.take(BLOCK_BYTES);
    if (block.length < BLOCK_BYTES) throw new HeaderProblem('the archive ends inside its sparse map');
    mapBytes += BLOCK_BYTES;
    const parts = (rest + block.toString('latin1')).split('\n');
    rest = parts.pop() ?? '';
    if (rest.length > BLOCK_BYTES) throw new HeaderProblem('its sparse map is not made of numbers');
    lines.push(...parts);
    const count = lines.length === 0 ? 0 : parseMapNumber(lines[0] ?? '');
    if (count > MAX_EXTENTS) throw new HeaderProblem('its sparse map is too long');
    wanted = 1 + count * 2;
  }
  return { extents: pairUp(lines.slice(1, wanted)), mapBytes };
}

/**
 * Checks a map against the file it describes: ascending, inside the file, and made of exactly the stored bytes.
 *
 * @throws HeaderProblem
 */
export function checkSparse(file: SparseFile, storedBytes: number): void {
  let end = 0;
  let data = 0;
  for (const { offsetBytes, lengthBytes } of file.extents) {
    if (offsetBytes < end || lengthBytes < 0 || offsetBytes + lengthBytes > file.sizeBytes) {
      throw new HeaderProblem('its sparse map overlaps or leaves the file');
    }
    end = offsetBytes + lengthBytes;
    data += lengthBytes;
  }
  if (data !== storedBytes) {
    throw new HeaderProblem(`its sparse map covers ${data} bytes, ${storedBytes} are stored`);
  }
}

/** One read-only run of zeros, handed out for every hole. */
const ZEROS = Buffer.alloc(1 << 20);

/** The bytes of a sparse file: stored bytes where they belong, zeros between. `next` hands out stored bytes. */
export async function* expandSparse(
  file: SparseFile,
  next: (maximum: number) => Promise<Buffer>,
): AsyncGenerator<Uint8Array, void, undefined> {
  let position = 0;
  for (const { offsetBytes, lengthBytes } of file.extents) {
    yield* zeros(offsetBytes - position);
    position = offsetBytes + lengthBytes;
    for (let missing = lengthBytes; missing > 0; ) {
      const piece = await next(missing);
      missing -= piece.length;
      yield piece;
    }
  }
  yield* zeros(file.sizeBytes - position);
}

function* zeros(length: number): Generator<Uint8Array, void, undefined> {
  for (let missing = length; missing > 0; missing -= ZEROS.length) {
    yield missing >= ZEROS.length ? ZEROS : ZEROS.subarray(0, missing);
  }
}
