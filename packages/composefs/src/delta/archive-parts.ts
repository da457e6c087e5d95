import type { ByteStream } from '@slipway/core';
import { ByteCursor } from './byte-cursor.ts';
import { BLOCK_BYTES } from './format.ts';

/** A piece of an archive: skeleton, or the content of a file followed by zeros up to the next block. */
export type ArchivePart =
  | { readonly kind: 'skeleton'; readonly bytes: Buffer }
  | {
      readonly kind: 'content';
      readonly path: string;
      readonly sizeBytes: number;
      readonly pieces: AsyncIterable<Buffer>;
    };

/** Header fields (pax, "ustar Interchange Format"). */
const NAME = { start: 0, end: 100 } as const;
const SIZE = { start: 124, end: 136 } as const;
const TYPE_AT = 156;
const PREFIX = { start: 345, end: 500 } as const;
/** Type flags of plain files. */
const FILE_TYPES = new Set(['0', '\0', '7']);
/** Headers about the next one, and their own bodies. */
const EXTENDED_TYPES = new Set(['x', 'X', 'g', 'L', 'K']);
/** Files this short are cheaper as skeleton. */
const SHORT_BYTES = 1;
const EXTENDED_LIMIT_BYTES = 1024 * 1024;

/**
 * Cuts an archive at the contents of its files.
 *
 * This is no reading of it: where it is not what was expected, everything from there on is skeleton, which costs length and
 * nothing else. What is cut together again is the archive in any case. The pieces of a content must all be read.
 */
export async function* archiveParts(stream: ByteStream): AsyncGenerator<ArchivePart, void, undefined> {
  const cursor = new ByteCursor(stream);
  let extended: ExtendedFields = {};
  let isRegular = true;
  for (;;) {
    const block = await cursor.take(BLOCK_BYTES);
    if (block.length === 0) return;
    yield { kind: 'skeleton', bytes: block };
    const header: Header | undefined = isRegular ? parseHeader(block) : undefined;
    if (header === undefined) {
      isRegular = isRegular && isEmptyBlock(block);
      continue;
    }
    if (EXTENDED_TYPES.has(header.type) && header.sizeBytes <= EXTENDED_LIMIT_BYTES) {
      const body = await cursor.take(header.sizeBytes + paddingOf(header.sizeBytes));
      yield { kind: 'skeleton', bytes: body };
      if (header.type !== 'g') extended = { ...extended, ...extendedFields(header, body) };
      continue;
    }
    const sizeBytes = extended.sizeBytes ?? header.sizeBytes;
    const path = extended.path ?? header.path;
    extended = {};
    if (!FILE_TYPES.has(header.type)) isRegular = header.sizeBytes === 0;
    else if (sizeBytes >= SHORT_BYTES) {
      yield { kind: 'content', path, sizeBytes, pieces: cursor.pieces(sizeBytes) };
      const padding = await cursor.take(paddingOf(sizeBytes));
      // The reader of the delta puts zeros there; anything else was never seen.
      if (padding.length < paddingOf(sizeBytes) || !padding.equals(Buffer.alloc(padding.length)))
        throw new UnusualArchive(path);
    }
  }
}

/** An archive no delta is made of: bytes are missing, or stand where zeros should. */
export class UnusualArchive extends Error {
  override readonly name: string = 'UnusualArchive';
}

interface Header {
  readonly type: string;
  readonly path: string;
  readonly sizeBytes: number;
}

interface ExtendedFields {
  readonly path?: string;
  readonly sizeBytes?: number;
}

function parseHeader(block: Buffer): Header | undefined {
  if (block.length < BLOCK_BYTES) return undefined;
  const size = textAt(block, SIZE);
  if (!/^ *[0-7]{1,11} *$/.test(size)) return undefined;
  const prefix = block.toString('latin1', 257, 262) === 'ustar' ? textAt(block, PREFIX) : '';
  const name = textAt(block, NAME);
  return {
    type: block.toString('latin1', TYPE_AT, TYPE_AT + 1),
    path: prefix === '' ? name : `${prefix}/${name}`,
    sizeBytes: Number.parseInt(size, 8),
  };
}

function textAt(block: Buffer, { start, end }: { readonly start: number; readonly end: number }): string {
  const zero = block.indexOf(0, start);
  return block.toString('latin1', start, zero === -1 || zero > end ? end : zero);
}

/** The two that decide where contents are and what they are called. */
function extendedFields({ type, sizeBytes }: Header, padded: Buffer): ExtendedFields {
  const body = padded.subarray(0, sizeBytes).toString('latin1');
  if (type === 'L') return { path: body.replace(/\0.*$/s, '') };
  if (type === 'K') return {};
  const path = /^\d+ path=([^\n]*)$/m.exec(body)?.[1];
  const size = /^\d+ size=(\d{1,15})$/m.exec(body)?.[1];
  return {
    ...(path === undefined ? {} : { path }),
    ...(size === undefined ? {} : { sizeBytes: Number(size) }),
  };
}

function isEmptyBlock(block: Buffer): boolean {
  return block.every((byte) => byte === 0);
}

function paddingOf(sizeBytes: number): number {
  return (BLOCK_BYTES - (sizeBytes % BLOCK_BYTES)) % BLOCK_BYTES;
}
