/** A header of rpm as its database keeps it: counts, an index of tags, then their data (rpm's "Package File Format", header). */
import { damaged } from './database-error.ts';

/** Tags that are read (rpmtag.h). */
export const RPM_TAG = {
  name: 1000,
  version: 1001,
  release: 1002,
  epoch: 1003,
  architecture: 1022,
  sourceRpm: 1044,
  directoryIndexes: 1116,
  baseNames: 1117,
  directoryNames: 1118,
} as const;

const TYPE_INT32 = 4;
const TYPE_STRING = 6;
const TYPE_STRING_ARRAY = 8;
const TYPE_I18N_STRING = 9;
const INDEX_ENTRY_BYTES = 16;
const MAX_INDEX_ENTRIES = 65_536;

interface IndexEntry {
  readonly type: number;
  readonly offset: number;
  readonly count: number;
}

/** A header's tags, every offset and count checked against its length before it is used. */
export class RpmHeader {
  readonly #data: Buffer;
  readonly #index: ReadonlyMap<number, IndexEntry>;

  /** @throws SlipwayError PACKAGE_DATABASE_INVALID when the header says more than it holds */
  constructor(blob: Uint8Array) {
    const bytes = Buffer.from(blob.buffer, blob.byteOffset, blob.length);
    if (bytes.length < 8) throw damaged('rpm', 'a header is cut short');
    const entries = bytes.readUInt32BE(0);
    const dataAt = 8 + entries * INDEX_ENTRY_BYTES;
    if (entries > MAX_INDEX_ENTRIES || dataAt + bytes.readUInt32BE(4) > bytes.length) {
      throw damaged('rpm', 'a header is cut short');
    }
    const index = new Map<number, IndexEntry>();
    for (let at = 8; at < dataAt; at += INDEX_ENTRY_BYTES) {
      index.set(bytes.readUInt32BE(at), {
        type: bytes.readUInt32BE(at + 4),
        offset: bytes.readUInt32BE(at + 8),
        count: bytes.readUInt32BE(at + 12),
      });
    }
    this.#data = bytes.subarray(dataAt, dataAt + bytes.readUInt32BE(4));
    this.#index = index;
  }

  /** The text of a tag, bytes as latin1; empty when it is not there. */
  text(tag: number): string {
    return this.texts(tag)[0] ?? '';
  }

  /** All texts of a tag. */
  texts(tag: number): readonly string[] {
    const entry = this.#index.get(tag);
    if (entry === undefined) return [];
    const { type, count } = entry;
    if (type !== TYPE_STRING && type !== TYPE_STRING_ARRAY && type !== TYPE_I18N_STRING) {
      throw damaged('rpm', `the tag ${tag} is not text`);
    }
    const texts: string[] = [];
    let at = entry.offset;
    while (texts.length < count) {
      const end = this.#data.indexOf(0, at);
      if (at >= this.#data.length || end === -1) throw damaged('rpm', `the tag ${tag} is cut short`);
      texts.push(this.#data.toString('latin1', at, end));
      at = end + 1;
    }
    return texts;
  }

  /** The numbers of a tag. */
  numbers(tag: number): readonly number[] {
    const entry = this.#index.get(tag);
    if (entry === undefined) return [];
    if (entry.type !== TYPE_INT32) throw damaged('rpm', `the tag ${tag} is not a list of numbers`);
    if (entry.offset + entry.count * 4 > this.#data.length)
      throw damaged('rpm', `the tag ${tag} is cut short`);
    return Array.from({ length: entry.count }, (_, index) =>
      this.#data.readUInt32BE(entry.offset + index * 4),
    );
  }
}
