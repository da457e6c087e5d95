import { type ByteStream, SlipwayError } from '@slipway/core';
import type { TarHeader } from './entry.ts';
import { BLOCK_BYTES } from './format.ts';
import { encodeHeader, paddingOf } from './header-writer.ts';
import { quoteName } from './tar-error.ts';

/** A member to write; the body must have exactly `sizeBytes` bytes, and may be left out when that is 0. */
export interface TarInput extends TarHeader {
  readonly body?: ByteStream | Iterable<Uint8Array>;
}

/** Small pieces (headers, small files) go out together in chunks of about this size. */
const BATCH_BYTES = 256 * 1024;

/**
 * Writes a tar archive: ustar, with PAX headers only where needed, no user names, ended by two zero blocks.
 * The same members always give the same bytes.
 *
 * @throws SlipwayError OCI_TAR_INVALID when a member cannot be represented or its body has another length
 */
export async function* writeTar(
  entries: AsyncIterable<TarInput> | Iterable<TarInput>,
): AsyncGenerator<Uint8Array, void, undefined> {
  yield* inBatches(pieces(entries));
}

async function* pieces(
  entries: AsyncIterable<TarInput> | Iterable<TarInput>,
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const entry of entries) {
    yield encodeHeader(entry);
    if (entry.kind === 'file') yield* bodyOf(entry);
  }
  yield Buffer.alloc(2 * BLOCK_BYTES);
}

async function* bodyOf(entry: TarInput): AsyncGenerator<Uint8Array, void, undefined> {
  let written = 0;
  for await (const chunk of entry.body ?? []) {
    written += chunk.length;
    if (written > entry.sizeBytes) break;
    yield chunk;
  }
  if (written !== entry.sizeBytes) {
    const actual = written > entry.sizeBytes ? 'more' : String(written);
    throw new SlipwayError(
      'OCI_TAR_INVALID',
      `cannot write the entry ${quoteName(entry.path)}: its body has ${actual} bytes, its header says ${entry.sizeBytes}`,
      { hint: 'the file changed while it was read: try again when nothing writes to it' },
    );
  }
  const padding = paddingOf(entry.sizeBytes);
  if (padding > 0) yield Buffer.alloc(padding);
}

/** Joins small pieces; large ones pass as they are. */
async function* inBatches(stream: ByteStream): AsyncGenerator<Uint8Array, void, undefined> {
  let held: Uint8Array[] = [];
  let heldBytes = 0;
  for await (const chunk of stream) {
    if (heldBytes + chunk.length > BATCH_BYTES && heldBytes > 0) {
      yield held.length === 1 && held[0] !== undefined ? held[0] : Buffer.concat(held, heldBytes);
      held = [];
      heldBytes = 0;
    }
    if (chunk.length >= BATCH_BYTES) {
      yield chunk;
    } else if (chunk.length > 0) {
      held.push(chunk);
      heldBytes += chunk.length;
    }
  }
  if (heldBytes > 0) yield Buffer.concat(held, heldBytes);
}
