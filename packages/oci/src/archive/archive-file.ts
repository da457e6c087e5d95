import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf, makeLargeTempDir, messageOf, SlipwayError } from '@slipway/core';
import { detectCompression } from '../layer/compression.ts';
import { decompress } from '../layer/decompress.ts';
import { readFilePart } from '../local/file-blob.ts';
import type { LocalBlob } from '../local/local-source.ts';
import { type ArchiveIndex, indexArchive } from './archive-index.ts';

/** A tar archive open for reading its files in any order. */
export interface ArchiveFile extends AsyncDisposable {
  /** Opens a file of the archive; undefined when there is none of the name. */
  member(name: string): LocalBlob | undefined;
  /** A small file whole; undefined when there is none of the name. */
  document(name: string, limitBytes: number): Promise<Buffer | undefined>;
}

/**
 * Opens an archive. A packed one (`docker save … | gzip`) is unpacked to a temporary file first, for tar can only be read in
 * any order when it is plain; that file is gone when the archive is closed.
 *
 * @param name names it in errors: `oci-archive:/srv/os.tar`
 * @throws SlipwayError OCI_NOT_FOUND, OCI_TAR_INVALID, OCI_COMPRESSION_INVALID, IO_FAILED
 */
export async function openArchiveFile(path: string, name: string): Promise<ArchiveFile> {
  await using resources = new AsyncDisposableStack();
  const packed = await openRegularFile(path, name);
  resources.defer(() => packed.close());
  const handle = await unpacked(packed, name, resources);
  const index = await indexArchive(handle, name);
  const owned = resources.move();
  return new OpenArchive(name, handle, index, () => owned.disposeAsync());
}

class OpenArchive implements ArchiveFile {
  readonly #name: string;
  readonly #handle: FileHandle;
  readonly #index: ArchiveIndex;
  readonly #close: () => Promise<void>;

  constructor(name: string, handle: FileHandle, index: ArchiveIndex, close: () => Promise<void>) {
    this.#name = name;
    this.#handle = handle;
    this.#index = index;
    this.#close = close;
  }

  member(name: string): LocalBlob | undefined {
    const member = this.#index.get(name);
    if (member === undefined) return undefined;
    const { offsetBytes, sizeBytes } = member;
    return {
      sizeBytes,
      read: (startBytes, options) =>
        readFilePart(this.#handle, offsetBytes + startBytes, offsetBytes + sizeBytes, options),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
  }

  async document(name: string, limitBytes: number): Promise<Buffer | undefined> {
    const member = this.#index.get(name);
    if (member === undefined) return undefined;
    if (member.sizeBytes > limitBytes) {
      throw new SlipwayError('OCI_LAYOUT_INVALID', `cannot use ${this.#name}: its ${name} is too large`);
    }
    const bytes = Buffer.alloc(member.sizeBytes);
    const { bytesRead } = await this.#handle.read(bytes, 0, bytes.length, member.offsetBytes);
    return bytes.subarray(0, bytesRead);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#close();
  }
}

async function openRegularFile(path: string, name: string): Promise<FileHandle> {
  let handle: FileHandle;
  try {
    handle = await open(path, 'r');
  } catch (cause) {
    if (errnoOf(cause) !== 'ENOENT') {
      throw new SlipwayError('IO_FAILED', `cannot read ${path}: ${messageOf(cause)}`, { cause });
    }
    throw new SlipwayError('OCI_NOT_FOUND', `cannot find the archive ${path}`, {
      hint: 'name the file that skopeo copy, podman save or slipway copy wrote',
      cause,
    });
  }
  if ((await handle.stat()).isFile()) return handle;
  await handle.close();
  throw new SlipwayError('OCI_LAYOUT_INVALID', `cannot use ${name}: it is not a file`, {
    hint: 'an image in a directory is oci:DIR or dir:DIR; a pipe must be saved to a file first',
  });
}

async function unpacked(
  handle: FileHandle,
  name: string,
  resources: AsyncDisposableStack,
): Promise<FileHandle> {
  const start = Buffer.alloc(4);
  const { bytesRead } = await handle.read(start, 0, start.length, 0);
  if (detectCompression(start.subarray(0, bytesRead)) === 'none') return handle;
  const directory = resources.use(await makeLargeTempDir('archive'));
  const plain = await open(join(directory.path, 'archive.tar'), 'wx+', 0o600);
  resources.defer(() => plain.close());
  const { size } = await handle.stat();
  for await (const chunk of decompress(readFilePart(handle, 0, size, {}), { what: name })) {
    for (let at = 0; at < chunk.length; )
      at += (await plain.write(chunk, at, chunk.length - at)).bytesWritten;
  }
  return plain;
}
