/**
 * composefs-rs' form of a stream, as far as garbage collection and documents need it: which objects and which other streams one stands
 * on. (doc/splitstream.md there; version 0.)
 *
 * All integers little-endian; a range is a start and an end (u64 each), from the beginning of the file:
 *
 *     0   11  magic "SplitStream"
 *     11  1   version, 0
 *     12  2   flags, not looked at
 *     14  1   algorithm of fs-verity: 1 sha256, 2 sha512
 *     15  1   log2 of its block size, 12
 *     16  16  range of the info: ranges of the stream references, the object references, the stream and the named references
 *             (16 each), content type (8), length of the content (u64); what follows is not looked at
 *
 * References are raw digests. Named references are zstd of `<index of a stream reference>:<name>\0`, each. The stream is zstd of
 * chunks: a negative i64 and as many bytes, or the index of an object. What bootc wrote before 1.16 has the info range first,
 * then flags, magic, version, algorithm and block size.
 */
import { zstdDecompressSync } from 'node:zlib';
import { messageOf, SlipwayError } from '@slipway/core';

/** What a stream stands on. */
export interface Splitstream {
  /** Eight letters: `ocimanif`, `ociconfg`, `ocilayer`. */
  readonly contentType: string;
  /** Of the content, in bytes, as it says. */
  readonly contentBytes: bigint;
  /** Digests of the objects it needs, lower-case hex. */
  readonly objects: readonly string[];
  /** Digests of the streams and images it needs, lower-case hex. */
  readonly streams: readonly string[];
  /** What it calls them: `config:sha256:…`, a diff id, `composefs.image…`. */
  readonly named: ReadonlyMap<string, string>;
}

export const SPLITSTREAM_MAGIC: Buffer = Buffer.from('SplitStream', 'latin1');
export const SPLITSTREAM_HEADER_BYTES = 32;
export const SPLITSTREAM_INFO_BYTES = 80;
export const VERITY_LOG_BLOCK = 12;

/** One name for each layer and image of an image: far fewer. */
const NAMES_LIMIT_BYTES = 1024 * 1024;
/** Where the magic stood before its place was fixed. */
const OLD_MAGIC_OFFSET = 18;

/**
 * Reads what a stream refers to; the content itself is not unpacked. Every range is checked against the bytes there are before anything is
 * made from it.
 *
 * @param digestBytes of the repository's algorithm
 * @param name for the message
 * @returns undefined when the bytes are no such stream at all
 * @throws SlipwayError REPOSITORY_INVALID when they are, but damaged, of a newer version or of another algorithm
 */
export function readSplitstream(bytes: Buffer, digestBytes: 32 | 64, name: string): Splitstream | undefined {
  const header = headerOf(bytes);
  if (header === undefined) return undefined;
  const source: Source = { bytes, digestBytes, name };
  if (header.version !== 0) throw damaged(name, `version ${header.version} is not 0`);
  if (header.algorithm !== (digestBytes === 32 ? 1 : 2) || header.logBlock !== VERITY_LOG_BLOCK)
    throw damaged(name, 'its digests are of another algorithm');
  const info = section(source, bytes.subarray(header.infoAt, header.infoAt + 16), 'info');
  if (info.length < SPLITSTREAM_INFO_BYTES) throw damaged(name, 'its info is too short');
  const streams = digests(source, section(source, info.subarray(0, 16), 'stream references'));
  const objects = digests(source, section(source, info.subarray(16, 32), 'object references'));
  section(source, info.subarray(32, 48), 'content');
  const named = names(source, section(source, info.subarray(48, 64), 'named references'), streams);
  const contentType = info.toString('latin1', 64, 72);
  return { contentType, contentBytes: info.readBigUInt64LE(72), objects, streams, named };
}

interface Source {
  readonly bytes: Buffer;
  readonly digestBytes: 32 | 64;
  readonly name: string;
}

interface Header {
  readonly version: number;
  readonly algorithm: number;
  readonly logBlock: number;
  /** Where the range of the info stands. */
  readonly infoAt: number;
}

function headerOf(bytes: Buffer): Header | undefined {
  if (bytes.length < SPLITSTREAM_HEADER_BYTES) return undefined;
  const hasMagicAt = (at: number): boolean =>
    bytes.subarray(at, at + SPLITSTREAM_MAGIC.length).equals(SPLITSTREAM_MAGIC);
  const read = (version: number, algorithm: number, infoAt: number): Header => ({
    version: bytes.readUInt8(version),
    algorithm: bytes.readUInt8(algorithm),
    logBlock: bytes.readUInt8(algorithm + 1),
    infoAt,
  });
  if (hasMagicAt(0)) return read(11, 14, 16);
  return hasMagicAt(OLD_MAGIC_OFFSET) ? read(29, 30, 0) : undefined;
}

function section({ bytes, name }: Source, range: Buffer, what: string): Buffer {
  const [start, end] = [range.readBigUInt64LE(0), range.readBigUInt64LE(8)];
  if (start > end || end > BigInt(bytes.length)) throw damaged(name, `its ${what} lie outside of it`);
  return bytes.subarray(Number(start), Number(end));
}

function digests({ digestBytes, name }: Source, packed: Buffer): readonly string[] {
  if (packed.length % digestBytes !== 0) throw damaged(name, 'a reference is cut short');
  const found: string[] = [];
  for (let at = 0; at < packed.length; at += digestBytes)
    found.push(packed.toString('hex', at, at + digestBytes));
  return found;
}

function names({ name }: Source, packed: Buffer, streams: readonly string[]): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  if (packed.length === 0) return found;
  const text = unpack(packed, name);
  if (text !== '' && !text.endsWith('\0')) throw damaged(name, 'a named reference has no end');
  for (const item of text.split('\0').slice(0, -1)) {
    const { index, reference } = /^(?<index>\d{1,9}):(?<reference>.*)$/s.exec(item)?.groups ?? {};
    const digest = index === undefined ? undefined : streams[Number(index)];
    if (reference === undefined || digest === undefined)
      throw damaged(name, `${JSON.stringify(item.slice(0, 80))} names no reference`);
    found.set(reference, digest);
  }
  return found;
}

function unpack(packed: Buffer, name: string): string {
  try {
    return zstdDecompressSync(packed, { maxOutputLength: NAMES_LIMIT_BYTES }).toString('utf8');
  } catch (cause) {
    throw damaged(name, messageOf(cause), cause);
  }
}

function damaged(name: string, reason: string, cause?: unknown): SlipwayError {
  return new SlipwayError('REPOSITORY_INVALID', `cannot read the stream ${name}: ${reason}`, {
    hint: 'bootc wrote it: update or repair it there',
    details: { stream: name },
    cause,
  });
}
