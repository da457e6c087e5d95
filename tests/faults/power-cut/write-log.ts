/**
 * The record of a disk's writes that QEMU's `blklogwrites` makes, in the format of Linux's dm-log-writes
 * (Documentation/admin-guide/device-mapper/log-writes.rst): a superblock, then for each request one sector that describes it,
 * followed by its data.
 */
import { type FileHandle, open } from 'node:fs/promises';

const MAGIC = 0x6a736677736872n;
const VERSION = 1n;
const FLAG = { flush: 1, fua: 2, discard: 4, mark: 8 } as const;

const SUPER = { magic: 0, version: 8, entries: 16, sectorBytes: 24, length: 28 } as const;
const ENTRY = { sector: 0, sectors: 8, flags: 16, length: 32 } as const;

/** One request of the guest. */
export interface LoggedRequest {
  readonly kind: 'write' | 'discard' | 'flush';
  /** On the disk. */
  readonly offsetBytes: number;
  readonly lengthBytes: number;
  /** Of the data of a write, in the log. */
  readonly dataAtBytes: number;
}

/** A record opened for reading. */
export interface WriteLog extends AsyncDisposable {
  readonly requests: readonly LoggedRequest[];
  /** The data of a write, or the part `[from, from + length)` of it. */
  data(request: LoggedRequest, from?: number, length?: number): Promise<Buffer>;
}

/** Reads what was recorded; the machine has ended, or has flushed its disk a moment ago. */
export async function openWriteLog(path: string): Promise<WriteLog> {
  const handle = await open(path, 'r');
  try {
    const { entries, sectorBytes } = readSuperblock(await bytesAt(handle, 0, SUPER.length));
    const requests = await readRequests(handle, entries, sectorBytes);
    return {
      requests,
      data: ({ dataAtBytes, lengthBytes }, from = 0, length = lengthBytes - from) =>
        bytesAt(handle, dataAtBytes + from, length),
      [Symbol.asyncDispose]: () => handle.close(),
    };
  } catch (thrown) {
    await handle.close();
    throw thrown;
  }
}

/** How many requests the record holds by now. QEMU notes it whenever the guest flushes its disk. */
export async function loggedRequests(path: string): Promise<number> {
  await using handle = await open(path, 'r');
  return readSuperblock(await bytesAt(handle, 0, SUPER.length)).entries;
}

function readSuperblock(bytes: Buffer): { readonly entries: number; readonly sectorBytes: number } {
  const isLog =
    bytes.readBigUInt64LE(SUPER.magic) === MAGIC && bytes.readBigUInt64LE(SUPER.version) === VERSION;
  if (!isLog) throw new Error('this is no record of writes');
  return {
    entries: Number(bytes.readBigUInt64LE(SUPER.entries)),
    sectorBytes: bytes.readUInt32LE(SUPER.sectorBytes),
  };
}

async function readRequests(
  handle: FileHandle,
  entries: number,
  sectorBytes: number,
): Promise<readonly LoggedRequest[]> {
  const requests: LoggedRequest[] = [];
  let at = sectorBytes;
  for (let index = 0; index < entries; index += 1) {
    const entry = await bytesAt(handle, at, ENTRY.length);
    const flags = Number(entry.readBigUInt64LE(ENTRY.flags));
    const lengthBytes = Number(entry.readBigUInt64LE(ENTRY.sectors)) * sectorBytes;
    const offsetBytes = Number(entry.readBigUInt64LE(ENTRY.sector)) * sectorBytes;
    const dataAtBytes = at + sectorBytes;
    const isDiscard = (flags & FLAG.discard) !== 0;
    at = dataAtBytes + (isDiscard ? 0 : lengthBytes);
    // A flush may ride on a write: it covers what came before, so it stands before it.
    if ((flags & FLAG.flush) !== 0) requests.push(flushAt(dataAtBytes));
    if (isDiscard) requests.push({ kind: 'discard', offsetBytes, lengthBytes, dataAtBytes });
    else if (lengthBytes > 0) requests.push({ kind: 'write', offsetBytes, lengthBytes, dataAtBytes });
    if ((flags & FLAG.fua) !== 0) requests.push(flushAt(dataAtBytes));
  }
  return requests;
}

function flushAt(dataAtBytes: number): LoggedRequest {
  return { kind: 'flush', offsetBytes: 0, lengthBytes: 0, dataAtBytes };
}

async function bytesAt(handle: FileHandle, offset: number, length: number): Promise<Buffer> {
  const bytes = Buffer.alloc(length);
  let done = 0;
  while (done < length) {
    const { bytesRead } = await handle.read(bytes, done, length - done, offset + done);
    if (bytesRead === 0) throw new Error('the record of writes ends early');
    done += bytesRead;
  }
  return bytes;
}
