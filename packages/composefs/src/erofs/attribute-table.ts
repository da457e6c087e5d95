import { FIRST_ROOM, grown } from '@slipway/core';
import type { PackedStore } from '../packed/packed-store.ts';
import { type AttributePair, refused } from './attribute-rules.ts';
import { isCString } from './byte-string.ts';
import { DigestIndex } from './digest-index.ts';
import { type DigestValue, digestValueText, METACOPY, REDIRECT } from './digest-value.ts';
import { LIMITS, OVERLAY, XATTR_ENTRY, XATTR_FILTER_SEED, XATTR_HEADER, XATTR_PREFIXES } from './format.ts';
import { xxh32 } from './xxh32.ts';

/** An attribute name, split as entries store it. */
export interface AttributeKey {
  readonly key: string;
  readonly prefixIndex: number;
  readonly suffix: string;
  /** The one bit this name clears in the filter. */
  readonly filterBit: number;
  /** What its values are where only the digest is given. */
  readonly digestValue: DigestValue | undefined;
  readonly values: Map<string, AttributeValue>;
}

/** One distinct (name, value) pair of the image; more than one use makes it shared. */
export interface AttributeValue {
  readonly key: AttributeKey;
  /**
   * Bytes as a latin1 string; or the digest of the object this leads to, from which they follow. Most attributes lead to
   * objects, and strings for all of them would be a third of the work.
   */
  readonly value: string | Uint8Array;
  readonly valueBytes: number;
  uses: number;
  /** Offset in the shared table, once it is laid out. */
  sharedOffset: number;
}

/** The two attributes that lead to an object, one by one. */
export type ObjectPair = readonly [metacopy: AttributeValue, redirect: AttributeValue];

/**
 * Every attribute of an image, equal ones held once (composefs-format section 7.4).
 *
 * Objects are most of it, tens of thousands of pairs that go together, so these are found by one key of their own
 * (half the cost of the whole plan otherwise). Pairs of objects at other paths may equal one half of them: those must
 * be interned last, after {@link AttributeTable.openObjects}.
 */
export class AttributeTable {
  readonly #keys = new Map<string, AttributeKey>();
  readonly #metacopyKey: AttributeKey = this.#key(OVERLAY.metacopy, () => '/');
  readonly #redirectKey: AttributeKey = this.#key(OVERLAY.redirect, () => '/');
  /** What more than one inode has, in the order it was found out. */
  readonly #shared: AttributeValue[] = [];
  readonly #store: PackedStore;
  readonly #objects = new DigestIndex((object) => this.#digest(object));
  /** The first file of each object. */
  #objectNodes = new Uint32Array(FIRST_ROOM);
  /** Attributes of objects that are told apart: of more than one inode, or found one by one. */
  readonly #pairs = new Map<number, ObjectPair>();

  constructor(store: PackedStore) {
    this.#store = store;
  }

  /**
   * Takes the attributes of one inode, but for those of its object.
   *
   * @returns sorted by key
   * @throws SlipwayError TREE_INVALID for a name or value no entry can hold
   */
  intern(own: readonly AttributePair[], path: () => string): readonly AttributeValue[] {
    const list: AttributeValue[] = [];
    for (const [key, value] of own) list.push(this.#use(this.#key(key, path), value, path));
    return isSorted(list) ? list : list.sort(byKey);
  }

  /** Takes the same attributes for one more inode. */
  internAgain(list: readonly AttributeValue[]): void {
    for (const value of list) this.#useAgain(value);
  }

  /** The object a file is in, for one more inode that refers to it. */
  useObject(node: number, digest: Uint8Array): number {
    const known = this.#objects.find(digest);
    if (known === -1) {
      const made = this.#objects.count;
      if (made === this.#objectNodes.length) this.#objectNodes = grown(this.#objectNodes);
      this.#objectNodes[made] = node;
      return this.#objects.add(digest);
    }
    for (const value of this.#keptPair(known)) this.#useAgain(value);
    return known;
  }

  /** Lets pairs of objects be found one by one from now on. */
  openObjects(): void {
    for (let object = 0; object < this.#objects.count; object += 1) {
      for (const value of this.#keptPair(object)) value.key.values.set(valueText(value), value);
    }
  }

  /** Whether the two attributes of an object are those of one inode only, and follow from its digest. */
  isPlain(object: number): boolean {
    return !this.#pairs.has(object);
  }

  /** The two attributes that lead to an object. */
  pairOf(object: number): ObjectPair {
    return this.#pairs.get(object) ?? this.#madePair(object);
  }

  /** The number of objects that lie where their digests imply. */
  get objectCount(): number {
    return this.#objects.count;
  }

  #keptPair(object: number): ObjectPair {
    const pair = this.pairOf(object);
    this.#pairs.set(object, pair);
    return pair;
  }

  #madePair(object: number): ObjectPair {
    return objectPair(this.#metacopyKey, this.#redirectKey, this.#digest(object));
  }

  #digest(object: number): Uint8Array {
    return this.#store.digest(this.#objectNodes[object] ?? 0) ?? NO_BYTES;
  }

  /** Whether any inode has the attribute. */
  has(key: string): boolean {
    return (this.#keys.get(key)?.values.size ?? 0) > 0;
  }

  /** What more than one inode has, in no order. */
  shared(): AttributeValue[] {
    return [...this.#shared];
  }

  #useAgain(value: AttributeValue): void {
    value.uses += 1;
    if (value.uses === 2) this.#shared.push(value);
  }

  #key(key: string, path: () => string): AttributeKey {
    const known = this.#keys.get(key);
    if (known !== undefined) return known;
    if (key === '' || key.length > LIMITS.xattrNameBytes || !isCString(key)) {
      throw refused(path(), 'it has an extended attribute without a valid name');
    }
    const made = splitKey(key);
    this.#keys.set(key, made);
    return made;
  }

  #use(key: AttributeKey, value: string, path: () => string): AttributeValue {
    const known = key.values.get(value);
    if (known !== undefined) {
      this.#useAgain(known);
      return known;
    }
    if (value.length > LIMITS.xattrValueBytes) {
      throw refused(path(), 'it has an extended attribute that is too large');
    }
    const made = valueOf(key, value, value.length);
    key.values.set(value, made);
    return made;
  }
}

/** Bytes of an entry, in the shared table or an inode. */
export function entryBytes({ key, valueBytes }: AttributeValue): number {
  return (XATTR_ENTRY.sizeBytes + key.suffix.length + valueBytes + 3) & ~3;
}

/** The bytes of a value as a latin1 string. */
export function valueText({ key, value }: AttributeValue): string {
  if (typeof value === 'string') return value;
  return digestValueText(digestValueOf(key), value);
}

/** What follows from a digest under this name. */
export function digestValueOf({ key, digestValue }: AttributeKey): DigestValue {
  if (digestValue === undefined) throw new Error(`unreachable: ${key} does not follow from a digest`);
  return digestValue;
}

/** The attributes of an object one inode refers to. */
export function objectPair(
  metacopyKey: AttributeKey,
  redirectKey: AttributeKey,
  digest: Uint8Array,
): ObjectPair {
  return [
    valueOf(metacopyKey, digest, METACOPY.sizeBytes(digest)),
    valueOf(redirectKey, digest, REDIRECT.sizeBytes(digest)),
  ];
}

function valueOf(key: AttributeKey, value: AttributeValue['value'], valueBytes: number): AttributeValue {
  return { key, value, valueBytes, uses: 1, sharedOffset: 0 };
}

const NO_BYTES = new Uint8Array(0);

/**
 * The attributes of an inode together, sorted by key.
 *
 * @throws SlipwayError TREE_INVALID for too many of them
 */
export function joined(own: readonly AttributeValue[], object: ObjectPair): readonly AttributeValue[] {
  const list = [...object, ...own];
  return isSorted(list) ? list : list.sort(byKey);
}

/** @throws SlipwayError TREE_INVALID for more attributes than an inode can have */
export function checkTotal(list: readonly AttributeValue[], path: () => string): void {
  let totalBytes: number = XATTR_HEADER.sizeBytes;
  for (const { key, valueBytes } of list) totalBytes += 7 + key.key.length + valueBytes;
  if (totalBytes > LIMITS.xattrTotalBytes) throw refused(path(), 'its extended attributes are too large');
}

const DIGEST_VALUES: ReadonlyMap<string, DigestValue> = new Map([
  [OVERLAY.metacopy, METACOPY],
  [OVERLAY.redirect, REDIRECT],
]);

/** A name as entries store it. */
export function splitKey(key: string): AttributeKey {
  const match = XATTR_PREFIXES.find(({ prefix }) => key.startsWith(prefix));
  const prefixIndex = match?.index ?? 0;
  const suffix = key.slice(match?.prefix.length ?? 0);
  const filterBit = 1 << (xxh32(suffix, XATTR_FILTER_SEED + prefixIndex) & 31);
  return { key, prefixIndex, suffix, filterBit, digestValue: DIGEST_VALUES.get(key), values: new Map() };
}

/** Most lists are: a file without attributes of its own has just the two of its object. */
function isSorted(list: readonly AttributeValue[]): boolean {
  let previous = '';
  for (const { key } of list) {
    if (key.key <= previous) return false;
    previous = key.key;
  }
  return true;
}

function byKey(a: AttributeValue, b: AttributeValue): number {
  return a.key.key < b.key.key ? -1 : 1;
}
