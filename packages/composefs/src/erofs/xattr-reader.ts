import { isCString } from './byte-string.ts';
import {
  LIMITS,
  XATTR_ENTRY,
  XATTR_FILTER_SEED,
  XATTR_HEADER,
  XATTR_PREFIXES,
  XATTR_SHARED_MAX,
} from './format.ts';
import { type ImageView, malformed } from './image-view.ts';
import { xxh32 } from './xxh32.ts';

/** An attribute as stored: nothing unescaped yet. */
interface StoredAttribute {
  readonly key: string;
  readonly value: Buffer;
  readonly filterBit: number;
  /** Where its entry ends, padding included. */
  readonly end: number;
}

/** Attributes by name, as stored. */
export type StoredAttributes = ReadonlyMap<string, Uint8Array>;

const NONE: StoredAttributes = new Map();

/** Reads the attributes of inodes. A shared one is taken apart once, however many inodes refer to it. */
export class AttributeReader {
  readonly #image: ImageView;
  readonly #sharedBase: number;
  readonly #shared = new Map<number, StoredAttribute>();
  readonly #filterBits = new Map<string, number>();

  constructor(image: ImageView, sharedBase: number) {
    this.#image = image;
    this.#sharedBase = sharedBase;
  }

  /** The attributes in the body of `bodyBytes` at `offset`. */
  read(offset: number, bodyBytes: number): StoredAttributes {
    if (bodyBytes === 0) return NONE;
    const image = this.#image;
    const end = offset + bodyBytes;
    const sharedCount = image.u8(offset + XATTR_HEADER.sharedCount);
    if (sharedCount > XATTR_SHARED_MAX) throw malformed(offset, 'an inode has too many shared attributes');
    image.zeros(offset + XATTR_HEADER.sharedCount + 1, 7);
    const attributes = new Map<string, Uint8Array>();
    let filter = 0;
    let at = offset + XATTR_HEADER.sizeBytes;
    const add = ({ key, value, filterBit }: StoredAttribute): void => {
      if (attributes.has(key)) throw malformed(offset, `the attribute ${JSON.stringify(key)} is there twice`);
      attributes.set(key, value);
      filter |= filterBit;
    };
    for (let index = 0; index < sharedCount; index += 1, at += 4) add(this.#sharedAt(image.u32(at)));
    while (at < end) {
      const attribute = this.#entry(at);
      add(attribute);
      at = attribute.end;
    }
    if (at !== end) throw malformed(offset, 'attributes do not end with their inode');
    // The kernel asks the filter first: with a wrong one, attributes listed here would not be there for it.
    if (~filter >>> 0 !== image.u32(offset + XATTR_HEADER.nameFilter)) {
      throw malformed(offset, 'the attribute name filter does not match the names');
    }
    return attributes;
  }

  #sharedAt(reference: number): StoredAttribute {
    const offset = this.#sharedBase + reference * 4;
    const known = this.#shared.get(offset);
    if (known !== undefined) return known;
    const read = this.#entry(offset);
    this.#shared.set(offset, read);
    return read;
  }

  #entry(offset: number): StoredAttribute {
    const image = this.#image;
    const nameLength = image.u8(offset + XATTR_ENTRY.nameLength);
    const prefixIndex = image.u8(offset + XATTR_ENTRY.prefixIndex);
    const valueLength = image.u16(offset + XATTR_ENTRY.valueLength);
    const nameOffset = offset + XATTR_ENTRY.sizeBytes;
    const suffix = image.latin1(nameOffset, nameLength);
    const value = image.bytes(nameOffset + nameLength, valueLength);
    const end = nameOffset + ((nameLength + valueLength + 3) & ~3);
    image.zeros(nameOffset + nameLength + valueLength, end - nameOffset - nameLength - valueLength);
    const key = prefixOf(prefixIndex, offset) + suffix;
    if (key === '' || key.length > LIMITS.xattrNameBytes || !isCString(suffix)) {
      throw malformed(offset, 'an attribute has no valid name');
    }
    return { key, value, filterBit: this.#filterBit(prefixIndex, suffix), end };
  }

  #filterBit(prefixIndex: number, suffix: string): number {
    const id = `${prefixIndex}${suffix}`;
    const known = this.#filterBits.get(id);
    if (known !== undefined) return known;
    const bit = 1 << (xxh32(suffix, XATTR_FILTER_SEED + prefixIndex) & 31);
    this.#filterBits.set(id, bit);
    return bit;
  }
}

function prefixOf(index: number, offset: number): string {
  if (index === 0) return '';
  const known = XATTR_PREFIXES.find((prefix) => prefix.index === index);
  if (known === undefined) throw malformed(offset, `the attribute prefix ${index} is not known`);
  return known.prefix;
}
