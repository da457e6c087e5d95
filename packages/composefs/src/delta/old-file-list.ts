import { FIRST_ROOM, freeBytes, grown } from '@slipway/core';
import { ByteArena } from '../packed/byte-arena.ts';
import { DigestSet } from '../repository/digest-set.ts';
import type { FileContent } from '../tree.ts';

/** A file of the old image. */
export interface OldFile {
  readonly content: FileContent;
  readonly sizeBytes: number;
}

const OBJECT = 0;
const INLINE = 1;

/** Files of the old image by number, in some sixty bytes each: as objects they would be five times as large. */
export class OldFileList implements Disposable {
  readonly #digests = new DigestSet();
  readonly #inline = new ByteArena();
  #kind = new Uint8Array(FIRST_ROOM);
  /** Number of the digest, or where the bytes are. */
  #at = new Uint32Array(FIRST_ROOM);
  #sizeBytes = new Float64Array(FIRST_ROOM);
  #count = 0;

  add({ content, sizeBytes }: OldFile): void {
    const number = this.#count;
    if (number === this.#at.length) this.#grow();
    if (content.kind === 'inline') this.#at[number] = this.#inline.addBytes(content.bytes);
    else if (content.digest !== undefined) this.#at[number] = this.#digests.indexOf(content.digest);
    else throw new Error('internal error: a file of a layer in the store has no digest');
    this.#kind[number] = content.kind === 'inline' ? INLINE : OBJECT;
    this.#sizeBytes[number] = sizeBytes;
    this.#count += 1;
  }

  /** One of them, made anew each time; undefined where there are not so many. */
  at(number: number): OldFile | undefined {
    if (number < 0 || number >= this.#count) return undefined;
    const [at, sizeBytes] = [this.#at[number] ?? 0, this.#sizeBytes[number] ?? 0];
    if (this.#kind[number] === INLINE)
      return { content: { kind: 'inline', bytes: this.#inline.bytes(at, sizeBytes) }, sizeBytes };
    return { content: { kind: 'object', sizeBytes, digest: this.#digests.at(at) }, sizeBytes };
  }

  [Symbol.dispose](): void {
    for (const part of [this.#digests, this.#inline]) part[Symbol.dispose]();
    for (const column of [this.#kind, this.#at, this.#sizeBytes]) freeBytes(column);
  }

  #grow(): void {
    this.#kind = grown(this.#kind);
    this.#at = grown(this.#at);
    this.#sizeBytes = grown(this.#sizeBytes);
  }
}
