/**
 * tar-split: everything of a tar archive but the files' contents, as JSON lines, so that the archive can be put together
 * again byte by byte. A line is a segment (type 2: headers and padding, in base64) or a file (type 1: name, size and CRC-64).
 *
 * Readers of it want one segment for each header: the padding of the file before, extended headers and the header itself.
 */
import { type ByteStream, SlipwayError } from '@slipway/core';
import { bytesOfText } from './name-bytes.ts';

/** One line. */
export type TarSplitEntry =
  | { readonly kind: 'segment'; readonly bytes: Buffer }
  | { readonly kind: 'file'; readonly name: string; readonly sizeBytes: number };

const FILE = 1;
const SEGMENT = 2;
/** A segment holds the extended headers of one file. */
const MAX_LINE_BYTES = 8 * 2 ** 20;
/** Padding, extended headers and header of one file, and more. */
const USUAL_SEGMENT_BYTES = 16 * 1024;
const NEWLINE = 0x0a;

/** Writes the lines. */
export class TarSplitWriter {
  #position = 0;

  segment(bytes: Uint8Array): Buffer {
    return this.#line({ type: SEGMENT, payload: asBase64(bytes) });
  }

  /** @param checksum CRC-64 of the content; undefined when there is none */
  file(name: string, sizeBytes: number, checksum: Uint8Array | undefined): Buffer {
    const size = sizeBytes > 0 ? { size: sizeBytes } : {};
    const payload = checksum === undefined ? null : asBase64(checksum);
    return this.#line({ type: FILE, name, ...size, payload });
  }

  #line(fields: object): Buffer {
    const line = `${JSON.stringify({ ...fields, position: this.#position })}\n`;
    this.#position += 1;
    return Buffer.from(line, 'utf8');
  }
}

/**
 * Reads the lines back. Names come as bytes. A chunk of the stream need be good only until the next one is asked for, and a segment is
 * good until the next entry is.
 *
 * @throws SlipwayError OCI_CHUNKED_INVALID
 */
export async function* readTarSplit(plain: ByteStream): AsyncGenerator<TarSplitEntry, void, undefined> {
  // There is a segment for each file: buffers of their own would be as much garbage as the archive has headers.
  const memory = Buffer.allocUnsafeSlow(USUAL_SEGMENT_BYTES);
  for await (const line of linesOf(plain)) yield parseSegment(line, memory) ?? parseLine(line);
}

/** Views of the chunks, but for a line that two of them share: a copy of every chunk would be as much garbage as the stream is long. */
async function* linesOf(stream: ByteStream): AsyncGenerator<Buffer, void, undefined> {
  let beginning: Buffer = Buffer.alloc(0);
  for await (const chunk of stream) {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    let start = 0;
    for (let end = bytes.indexOf(NEWLINE); end !== -1; end = bytes.indexOf(NEWLINE, start)) {
      const line = bytes.subarray(start, end);
      yield beginning.length === 0 ? line : Buffer.concat([beginning, line]);
      beginning = Buffer.alloc(0);
      start = end + 1;
    }
    beginning = Buffer.concat([beginning, bytes.subarray(start)]);
    if (beginning.length > MAX_LINE_BYTES) throw invalid('a line is too long');
  }
  if (beginning.length > 0) yield beginning;
}

/** How segments begin, whoever wrote them; then the payload follows, up to a quote. */
const SEGMENT_START = Buffer.from('{"type":2,"payload":"', 'latin1');
const QUOTE = 0x22;
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

/** The segment in a line written the usual way, without making objects of it: there is one for each file. */
function parseSegment(line: Buffer, memory: Buffer): TarSplitEntry | undefined {
  if (!line.subarray(0, SEGMENT_START.length).equals(SEGMENT_START)) return undefined;
  const end = line.indexOf(QUOTE, SEGMENT_START.length);
  const payload = line.toString('latin1', SEGMENT_START.length, end);
  if (end === -1 || !BASE64.test(payload)) return undefined;
  if (Buffer.byteLength(payload, 'base64') > memory.length)
    return { kind: 'segment', bytes: Buffer.from(payload, 'base64') };
  return { kind: 'segment', bytes: memory.subarray(0, memory.write(payload, 'base64')) };
}

function parseLine(line: Buffer): TarSplitEntry {
  let json: unknown;
  try {
    json = JSON.parse(line.toString('utf8'));
  } catch (cause) {
    throw invalid('a line is not JSON', cause);
  }
  if (typeof json !== 'object' || json === null) throw invalid('a line is not an object');
  const { type, payload, name, name_raw: rawName, size } = json as Readonly<Record<string, unknown>>;
  if (type === SEGMENT && typeof payload === 'string') {
    return { kind: 'segment', bytes: Buffer.from(payload, 'base64') };
  }
  const sizeBytes = size ?? 0;
  const isSize = typeof sizeBytes === 'number' && Number.isSafeInteger(sizeBytes) && sizeBytes >= 0;
  if (type !== FILE || !isSize) throw invalid('a line is neither a segment nor a file');
  if (typeof rawName === 'string' && rawName !== '') {
    return { kind: 'file', name: Buffer.from(rawName, 'base64').toString('latin1'), sizeBytes };
  }
  if (typeof name !== 'string') throw invalid('a file has no name');
  return { kind: 'file', name: bytesOfText(name), sizeBytes };
}

function asBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
}

function invalid(problem: string, cause?: unknown): SlipwayError {
  return new SlipwayError('OCI_CHUNKED_INVALID', `cannot use the tar-split of a layer: ${problem}`, {
    cause,
  });
}
