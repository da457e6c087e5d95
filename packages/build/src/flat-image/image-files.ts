import { randomBytes } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type ByteString, type DirectoryNode, lookupPath, type RegularNode } from '@slipway/composefs';
import { collectBytes, SlipwayError } from '@slipway/core';
import { type BodySpool, contentBytes } from './body-spool.ts';

/** Files of a flat image, read by path; symlinks are followed inside the image. */
export class ImageFiles {
  readonly tree: DirectoryNode;
  readonly #bodies: BodySpool;

  constructor(tree: DirectoryNode, bodies: BodySpool) {
    this.tree = tree;
    this.#bodies = bodies;
  }

  /**
   * The bytes of a small file as latin1; undefined when there is no such file.
   *
   * @throws SlipwayError PACKAGE_DATABASE_INVALID when it is longer than `limitBytes`
   */
  async text(path: ByteString, limitBytes: number): Promise<string | undefined> {
    const node = this.#kept(path, limitBytes);
    if (node === undefined) return undefined;
    const bytes = await collectBytes(this.#bodies.read(node), limitBytes, () => tooLong(path, limitBytes));
    return bytes.toString('latin1');
  }

  /** A copy of a file on this machine's disk, gone with the spool; undefined when there is no such file. */
  async copy(path: ByteString, limitBytes: number): Promise<string | undefined> {
    const node = this.#kept(path, limitBytes);
    if (node === undefined) return undefined;
    const target = join(this.#bodies.path, randomBytes(8).toString('hex'));
    await pipeline(Readable.from(this.#bodies.read(node)), createWriteStream(target, { flags: 'wx' }));
    return target;
  }

  #kept(path: ByteString, limitBytes: number): RegularNode | undefined {
    const node = lookupPath(this.tree, path)?.node;
    if (node?.kind !== 'regular') return undefined;
    const sizeBytes = contentBytes(node.content);
    if (sizeBytes > limitBytes) throw tooLong(path, limitBytes);
    return sizeBytes === 0 || this.#bodies.has(node.content) ? node : undefined;
  }
}

function tooLong(path: ByteString, limitBytes: number): SlipwayError {
  return new SlipwayError(
    'PACKAGE_DATABASE_INVALID',
    `cannot read ${path} of the image: it is longer than ${limitBytes} bytes`,
    { details: { path } },
  );
}
