import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { ByteStream } from '@slipway/core';
import { ioError } from '../repository/io-error.ts';
import { ObjectStore } from '../repository/object-store.ts';
import { syncFileSystemOf } from '../repository/sync.ts';
import type { VerityAlgorithm } from '../verity/algorithm.ts';
import type { ObjectSink } from './file-body.ts';

/**
 * A bare directory of objects, `ab/cdef…`, as `mkcomposefs --digest-store` makes one: what `basedir` of a mount and of
 * `composefs-info` points to. A host keeps its objects in a repository, which knows what is needed and can be checked.
 *
 * A power cut leaves whole objects or none, and nothing that was put before {@link sync} returned is sure to be there.
 */
export class DigestStore implements ObjectSink {
  readonly algorithm: VerityAlgorithm;
  readonly #path: string;
  readonly #objects: ObjectStore;

  /** @throws SlipwayError IO_FAILED, NO_SPACE when the directory cannot be made */
  constructor(path: string, algorithm: VerityAlgorithm = 'sha256') {
    this.algorithm = algorithm;
    this.#path = path;
    this.#objects = new ObjectStore(path, join(path, '.tmp'), algorithm, 'try');
    try {
      mkdirSync(path, { recursive: true, mode: 0o755 });
    } catch (cause) {
      throw ioError('make a directory of objects', path, cause);
    }
  }

  /** @throws SlipwayError NO_SPACE, IO_FAILED */
  async putObject(
    content: Uint8Array | ByteStream,
  ): Promise<{ readonly digest: string; readonly sizeBytes: number }> {
    const stored =
      content instanceof Uint8Array ? this.#objects.put(content) : await this.#objects.putStream(content);
    await this.#objects.backlog();
    return { digest: stored.digestHex, sizeBytes: stored.sizeBytes };
  }

  /** Waits until every object is named, sealed where the kernel can, and on the disk. */
  async sync(): Promise<void> {
    await this.#objects.settle();
    await syncFileSystemOf(this.#path);
  }
}
