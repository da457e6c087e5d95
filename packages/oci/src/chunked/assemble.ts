/** Putting an archive together of what was here and what was fetched. */
import { isSlipwayError, SlipwayError } from '@slipway/core';
import { checkHashed, DigestHasher, digestAlgorithm, digestOf } from '../digest.ts';
import type { Digest } from '../image.ts';
import { decompress } from '../layer/decompress.ts';
import type { ChunkCursor } from '../tar/chunk-cursor.ts';
import { quoteName } from '../tar/tar-error.ts';
import type { OpenContent } from './known-content.ts';
import type { ArchivePart, ContentPart, PlannedFile } from './plan.ts';
import type { TarSplitEntry } from './tar-split.ts';
import type { TocChunk, TocFile } from './toc-files.ts';

const ZEROS = Buffer.alloc(256 * 1024);

/**
 * The archive of a layer with a tar-split: headers from there, contents as planned.
 *
 * @param unpacked what is in the planned ranges, one after the other
 * @throws SlipwayError OCI_CHUNKED_INVALID when the two do not fit, OCI_DIGEST_MISMATCH, OCI_COMPRESSION_INVALID
 */
export async function* assembleFiles(
  tarSplit: AsyncIterable<TarSplitEntry>,
  files: Iterable<PlannedFile>,
  unpacked: ChunkCursor,
): AsyncGenerator<Uint8Array, void, undefined> {
  const planned = Iterator.from(files);
  for await (const entry of tarSplit) {
    if (entry.kind === 'segment') yield entry.bytes;
    else if (entry.sizeBytes > 0) {
      const { value: next } = planned.next();
      if (next?.file.name !== entry.name || next.file.sizeBytes !== entry.sizeBytes) {
        throw invalid(`its tar-split has ${quoteName(entry.name)} where its table of contents has not`);
      }
      yield* fileOf(next, unpacked);
    }
  }
  if (planned.next().done !== true) throw invalid('its table of contents has files its tar-split has not');
}

/** A file of several parts is verified as well: its digest is remembered as that of what is stored. */
async function* fileOf(
  { file, parts }: PlannedFile,
  unpacked: ChunkCursor,
): AsyncGenerator<Uint8Array, void, undefined> {
  const hasher = parts.length > 1 ? new DigestHasher(digestAlgorithm(file.digest)) : undefined;
  for (const part of parts) {
    for await (const piece of contentOf(part, file, unpacked)) {
      hasher?.update(piece);
      yield piece;
    }
  }
  if (hasher !== undefined) checkHashed(hasher, file.digest, file.sizeBytes, quoteName(file.name));
}

/** The archive of a layer without one: pieces of the blob, unpacked, and what was here. */
export async function* assembleArchive(
  parts: readonly ArchivePart[],
  fetched: ChunkCursor,
  what: string,
): AsyncGenerator<Uint8Array, void, undefined> {
  for (const part of parts) {
    if (part.kind === 'known') yield* checkedLength(part.open, part.startBytes, part.sizeBytes);
    else yield* decompress(take(fetched, part.range.endBytes - part.range.startBytes), { what });
  }
}

async function* contentOf(
  part: ContentPart,
  file: TocFile,
  unpacked: ChunkCursor,
): AsyncGenerator<Uint8Array, void, undefined> {
  switch (part.kind) {
    case 'known':
      yield* checkedLength(part.open, 0, part.sizeBytes);
      return;
    case 'zeros':
      for (let left = part.sizeBytes; left > 0; left -= ZEROS.length) {
        yield ZEROS.subarray(0, Math.min(left, ZEROS.length));
      }
      return;
    case 'fetch':
      yield* fetchedPiece(part.chunk, file, unpacked);
  }
}

/** Most are short and here by now, and are hashed at once: setting a hasher up takes longer than they do. */
async function* fetchedPiece(
  { sizeBytes, digest }: TocChunk,
  file: TocFile,
  unpacked: ChunkCursor,
): AsyncGenerator<Uint8Array, void, undefined> {
  const whole = unpacked.takeNow(sizeBytes);
  if (whole !== undefined) {
    if (digest !== undefined) checkPiece(whole, digest, file);
    yield whole;
    return;
  }
  const hasher = new DigestHasher(digest === undefined ? 'sha256' : digestAlgorithm(digest));
  try {
    for await (const piece of unpacked.pieces(sizeBytes)) {
      hasher.update(piece);
      yield piece;
    }
  } catch (cause) {
    throw isSlipwayError(cause, 'OCI_COMPRESSION_INVALID') ? damaged(file, cause) : cause;
  }
  if (hasher.sizeBytes !== sizeBytes) throw damaged(file);
  if (digest !== undefined) checkHashed(hasher, digest, sizeBytes, `a piece of ${quoteName(file.name)}`);
}

function checkPiece(bytes: Uint8Array, digest: Digest, file: TocFile): void {
  const actual = digestOf(bytes, digestAlgorithm(digest));
  if (actual !== digest) throw mismatch(file, digest, actual);
}

/** A file that changed in the store would shift everything after it. */
async function* checkedLength(
  open: OpenContent,
  startBytes: number,
  sizeBytes: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  let seen = 0;
  for await (const chunk of open(startBytes, startBytes + sizeBytes)) {
    seen += chunk.length;
    yield chunk;
  }
  if (seen !== sizeBytes) throw invalid('a file of the store has another length than it had');
}

/** The next bytes of what was fetched, copied: a decompressor asks for more before it is done with what it has. */
async function* take(fetched: ChunkCursor, lengthBytes: number): AsyncGenerator<Uint8Array, void, undefined> {
  let left = lengthBytes;
  for await (const piece of fetched.pieces(lengthBytes)) {
    left -= piece.length;
    yield Buffer.from(piece);
  }
  if (left > 0) throw invalid('less was fetched than was planned');
}

function damaged(file: TocFile, cause?: unknown): SlipwayError {
  return new SlipwayError('OCI_COMPRESSION_INVALID', `cannot decompress a piece of ${quoteName(file.name)}`, {
    hint: 'the layer is damaged or was made by a faulty tool: build or pull the image again',
    cause,
  });
}

function mismatch(file: TocFile, expected: Digest, actual: string): SlipwayError {
  return new SlipwayError(
    'OCI_DIGEST_MISMATCH',
    `cannot use a piece of ${quoteName(file.name)}: its bytes have the digest ${actual}, not ${expected}`,
    { hint: 'the registry holds a damaged copy: push the image again', details: { expected, actual } },
  );
}

function invalid(problem: string): SlipwayError {
  return new SlipwayError('OCI_CHUNKED_INVALID', `cannot put a layer together: ${problem}`);
}
