import { chmodSync, lchownSync, linkSync, mkdirSync, symlinkSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { errnoOf, messageOf, type Operation, SlipwayError, startTask } from '@slipway/core';
import {
  type DiskDirectory,
  type DiskFile,
  type DiskMetadata,
  type DiskNode,
  placedContent,
} from '@slipway/disk';
import {
  enableVerity,
  makeNode,
  measureVerity,
  setFileTimes,
  setXattr,
  syncFileSystemAt,
} from '@slipway/linux';

/** How a tree is written into a file system that is mounted. */
export interface WriteTreeOptions {
  /** Whether owners, modes, attributes and links mean anything there: not on FAT. */
  readonly keepsMetadata: boolean;
  /** Whether files that should be sealed with fs-verity are. */
  readonly seals: boolean;
  /** What progress calls it. */
  readonly task: string;
  readonly operation: Operation;
}

const SLASH = Buffer.from('/');

/**
 * Writes a tree below a directory that is there, and puts it on stable storage. Directories that are there are used; a file that is
 * there is an error.
 *
 * A power cut in the middle leaves a part of the tree: nothing refers to it until the boot entry is written, which comes last.
 *
 * @throws SlipwayError IO_FAILED, DISK_NO_SPACE, DISK_CONTENT_CHANGED, VERITY_UNAVAILABLE, OBJECT_CORRUPT
 */
export async function writeTree(root: DiskDirectory, path: string, options: WriteTreeOptions): Promise<void> {
  const writer = new TreeWriter(options);
  try {
    await writer.children(root, Buffer.from(path));
    await syncFileSystemAt(path);
    writer.end();
  } catch (cause) {
    throw cause instanceof SlipwayError ? cause : writeError(path, cause);
  }
}

/** Writes nodes in the order of their names, files one at a time: they are read from a store as they are written. */
class TreeWriter {
  readonly #options: WriteTreeOptions;
  readonly #written = new Map<DiskNode, Buffer>();
  readonly #task: ReturnType<typeof startTask>;

  constructor(options: WriteTreeOptions) {
    this.#options = options;
    this.#task = startTask(options.operation.progress, options.task, 'bytes');
  }

  async children(directory: DiskDirectory, path: Buffer): Promise<void> {
    for (const [name, node] of directory.entries) {
      this.#options.operation.signal.throwIfAborted();
      await this.#node(node, Buffer.concat([path, SLASH, Buffer.from(name, 'latin1')]));
    }
  }

  end(): void {
    this.#task.end();
  }

  async #node(node: DiskNode, path: Buffer): Promise<void> {
    const { keepsMetadata } = this.#options;
    const first = this.#written.get(node);
    if (first !== undefined && keepsMetadata) {
      linkSync(first, path);
      return;
    }
    this.#written.set(node, path);
    if (node.kind === 'directory') {
      mkdirSync(path, { recursive: true });
      await this.children(node, path);
    } else if (node.kind === 'file') await this.#file(node, path);
    else if (node.kind === 'symlink') symlinkSync(Buffer.from(node.target, 'latin1'), path);
    else makeNode(path, node, node.meta.mode);
    if (keepsMetadata) applyMetadata(path, node);
  }

  async #file(file: DiskFile, path: Buffer): Promise<void> {
    const handle = await open(path, 'wx', 0o600);
    try {
      await this.#body(file, path, handle);
    } finally {
      await handle.close();
    }
    // Sealed with its metadata still open to change: fs-verity keeps the bytes, not the owner. Not synced one by one, which would take
    // a disk longer than everything else: sealing writes the bytes out itself, and the whole tree is synced at its end.
    if (file.verity !== undefined && this.#options.seals) await seal(file, path);
  }

  async #body(file: DiskFile, path: Buffer, handle: FileHandle): Promise<void> {
    for await (const { offsetBytes, bytes } of placedContent(file, () => path.toString())) {
      await writeFully(handle, bytes, offsetBytes);
      this.#task.advance(bytes.length);
    }
    await handle.truncate(file.sizeBytes);
  }
}

async function writeFully(handle: FileHandle, bytes: Uint8Array, offsetBytes: number): Promise<void> {
  let done = 0;
  while (done < bytes.length) {
    const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, offsetBytes + done);
    done += bytesWritten;
  }
}

async function seal({ verity = 'sha256', verityDigest }: DiskFile, path: Buffer): Promise<void> {
  const name = path.toString();
  const handle = await open(path, 'r');
  try {
    await enableVerity(handle.fd, verity);
    const digest = measureVerity(handle.fd)?.digest;
    if (verityDigest !== undefined && digest?.equals(verityDigest) !== true)
      throw new SlipwayError(
        'OBJECT_CORRUPT',
        `cannot write ${name}: its content does not have the digest that names it`,
      );
  } catch (cause) {
    if (!['ENOTSUP', 'EOPNOTSUPP', 'ENOTTY'].includes(errnoOf(cause) ?? '')) throw cause;
    throw new SlipwayError(
      'VERITY_UNAVAILABLE',
      `cannot seal ${name} with fs-verity: its file system or the kernel has none`,
      {
        hint: 'use ext4 made with -O verity, or btrfs, and a kernel with fs-verity',
        cause,
      },
    );
  } finally {
    await handle.close();
  }
}

/** Owner first: changing it takes set-id bits off. Times last: everything before moves them. */
function applyMetadata(
  path: Buffer,
  { kind, meta }: { readonly kind: string; readonly meta: DiskMetadata },
): void {
  lchownSync(path, meta.uid, meta.gid);
  if (kind !== 'symlink') chmodSync(path, meta.mode & 0o7777);
  for (const [name, value] of meta.xattrs ?? []) setXattr(path, name, value);
  setFileTimes(path, { modified: { sec: meta.mtimeSec, nsec: meta.mtimeNsec } });
}

function writeError(path: string, cause: unknown): SlipwayError {
  if (errnoOf(cause) === 'ENOSPC')
    return new SlipwayError('DISK_NO_SPACE', `cannot write below ${path}: no room left`, { cause });
  return new SlipwayError('IO_FAILED', `cannot write below ${path}: ${messageOf(cause)}`, { cause });
}
