import { FIRST_ROOM, grown } from '@slipway/core';
import type { ByteString } from '../tree.ts';
import { ByteArena, LONGEST_BYTES } from './byte-arena.ts';

/** Extended attributes of an inode. */
export type Xattrs = ReadonlyMap<ByteString, Uint8Array>;

/** No attributes. */
export const NO_XATTRS: Xattrs = new Map();
/** Sets that are looked for to be held once; trees have a few of them, or one for each file. */
const MOST_KNOWN = 4096;
/** Sets kept as maps. */
const MOST_READ = 64;

/** Sets of extended attributes by number, equal ones mostly held once; 0 is the empty one. */
export class XattrSets {
  readonly #arena = new ByteArena();
  readonly #known = new Map<string, number>();
  readonly #read = new Map<number, Xattrs>();
  /** The few that are too long for the arena. */
  readonly #long = new Map<number, Xattrs>();
  #positions = new Uint32Array(FIRST_ROOM);
  #lengths = new Uint32Array(FIRST_ROOM);
  #count = 1;
  /** Trees mostly hold equal sets once, and many files of a kind stand together. */
  #last: { readonly xattrs: Xattrs; readonly number: number } = { xattrs: NO_XATTRS, number: 0 };

  add(xattrs: Xattrs): number {
    if (xattrs.size === 0) return 0;
    if (this.#last.xattrs !== xattrs) this.#last = { xattrs, number: this.#numberOf(xattrs) };
    return this.#last.number;
  }

  #numberOf(xattrs: Xattrs): number {
    const packed = pack(xattrs);
    const key = packed.length <= 1024 ? packed.toString('latin1') : undefined;
    const known = key === undefined ? undefined : this.#known.get(key);
    if (known !== undefined) return known;
    const number = this.#count;
    this.#count += 1;
    if (number === this.#positions.length) {
      this.#positions = grown(this.#positions);
      this.#lengths = grown(this.#lengths);
    }
    if (packed.length > LONGEST_BYTES) this.#long.set(number, xattrs);
    else {
      this.#positions[number] = this.#arena.addBytes(packed);
      this.#lengths[number] = packed.length;
    }
    if (key !== undefined && this.#known.size < MOST_KNOWN) this.#known.set(key, number);
    return number;
  }

  get(number: number): Xattrs {
    if (number === 0) return NO_XATTRS;
    const read = this.#read.get(number) ?? this.#long.get(number);
    if (read !== undefined) return read;
    const xattrs = unpack(this.#arena.bytes(this.#positions[number] ?? 0, this.#lengths[number] ?? 0));
    if (this.#read.size === MOST_READ) this.#read.clear();
    this.#read.set(number, xattrs);
    return xattrs;
  }
}

/** For each: lengths of key and value, 32 bits each, then the two. */
function pack(xattrs: Xattrs): Buffer {
  let lengthBytes = 0;
  for (const [key, value] of xattrs) lengthBytes += 8 + key.length + value.length;
  const packed = Buffer.allocUnsafe(lengthBytes);
  let at = 0;
  for (const [key, value] of xattrs) {
    packed.writeUInt32LE(key.length, at);
    packed.writeUInt32LE(value.length, at + 4);
    packed.write(key, at + 8, 'latin1');
    packed.set(value, at + 8 + key.length);
    at += 8 + key.length + value.length;
  }
  return packed;
}

function unpack(packed: Buffer): Xattrs {
  const xattrs = new Map<ByteString, Uint8Array>();
  for (let at = 0; at < packed.length; ) {
    const keyEnd = at + 8 + packed.readUInt32LE(at);
    const end = keyEnd + packed.readUInt32LE(at + 4);
    xattrs.set(packed.toString('latin1', at + 8, keyEnd), packed.subarray(keyEnd, end));
    at = end;
  }
  return xattrs;
}
