import { zstdCompressSync } from 'node:zlib';
import type { FileContent } from '@slipway/composefs';
import type { ByteStream } from '@slipway/core';
import { compress, type TarEntry } from '@slipway/oci';
import { type BodySpool, contentBytes, contentKey } from '../flat-image/body-spool.ts';
import type { BodyIntake } from '../flat-image/flatten-image.ts';
import { isDatabaseFile } from '../packages/read-packages.ts';

/** Kernel arguments an image brings. */
const KERNEL_ARGUMENTS = /^(?:\.?\/)*usr\/lib\/bootc\/kargs\.d\/[^/]+$/;
/** Longer ones are compressed as a stream. */
const AT_ONCE_BYTES = 1024 * 1024;

/**
 * Takes the bodies of two images, one after the other: what a comparison reads later is kept, of what only the second image
 * brings it is measured how long it is compressed on its own, and everything else is gone.
 */
export class ContentIntake {
  readonly #bodies: BodySpool;
  readonly #kept = new Set<string>();
  readonly #first = new Set<string>();
  /** Compressed lengths of contents the first image does not have. */
  readonly #packedBytes = new Map<string, number>();

  constructor(bodies: BodySpool) {
    this.#bodies = bodies;
  }

  /** For the layers of the first image. */
  readonly first: BodyIntake = {
    take: async (entry) => {
      const content = await this.#bodies.add(entry.body, isRead(entry));
      this.#first.add(contentKey(content));
      if (isRead(entry)) this.#kept.add(contentKey(content));
      return content;
    },
  };

  /** For the layers of the second that the first does not have. */
  readonly second: BodyIntake = {
    take: async (entry) => {
      const content = await this.#bodies.add(entry.body, true);
      const key = contentKey(content);
      if (isRead(entry)) this.#kept.add(key);
      if (!this.#first.has(key) && !this.#packedBytes.has(key)) {
        this.#packedBytes.set(key, await this.#packed(content));
      }
      if (!this.#kept.has(key)) this.#bodies.forget(content);
      return content;
    },
  };

  /** What a content costs a host that has the first image, in bytes; 0 when it has it. */
  costBytes(content: FileContent): number {
    return this.#packedBytes.get(contentKey(content)) ?? 0;
  }

  async #packed(content: FileContent): Promise<number> {
    const stream = this.#bodies.readContent(content);
    if (contentBytes(content) > AT_ONCE_BYTES) return await lengthOf(compress(stream, 'zstd'));
    let length = 0;
    for await (const chunk of stream) length += zstdCompressSync(chunk).length;
    return length;
  }
}

function isRead({ path }: TarEntry): boolean {
  return isDatabaseFile(path) || KERNEL_ARGUMENTS.test(path);
}

async function lengthOf(stream: ByteStream): Promise<number> {
  let length = 0;
  for await (const chunk of stream) length += chunk.length;
  return length;
}
