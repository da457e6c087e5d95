import { type BigIntStats, lstatSync, readdirSync, readlinkSync } from 'node:fs';
import { resolve } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { type OperationOptions, operation, startTask } from '@slipway/core';
import { readXattrs } from '@slipway/linux';
import { decodeDevice } from '../erofs/device-number.ts';
import { ioError } from '../repository/io-error.ts';
import type { DirectoryNode, LeafNode, Metadata, TreeNode } from '../tree.ts';
import type { VerityAlgorithm } from '../verity/algorithm.ts';
import { type ObjectSink, readBody } from './file-body.ts';

/** What of a directory goes into its tree. */
export interface ScanDirectoryOptions extends OperationOptions {
  /** Digest of the files; that of the sink where there is one. Default sha256. */
  readonly algorithm?: VerityAlgorithm;
  /** Where bodies of more than 64 bytes are put; without one they are only measured. */
  readonly objects?: ObjectSink;
  /** Which extended attributes are kept. Default all the process may see. */
  readonly xattrs?: 'all' | 'user' | 'none';
  /** Every time is 1970. */
  readonly useEpoch?: boolean;
  /** Leaves out block and character devices, whiteouts among them. */
  readonly skipDevices?: boolean;
  /** Names of one file share a node (default), or each gets one of its own as `mkcomposefs` has it. */
  readonly hardLinks?: 'shared' | 'separate';
}

/** Others get a turn after so many files. */
const FILES_PER_TURN = 200;

/**
 * The tree of a directory on this machine: what `mkcomposefs DIR` makes an image of (composefs-format section 9).
 *
 * @throws SlipwayError IO_FAILED for what cannot be read or changes meanwhile, ABORTED
 */
export async function scanDirectory(
  path: string,
  options: ScanDirectoryOptions = {},
): Promise<DirectoryNode> {
  return await new DirectoryScan(options).run(Buffer.from(resolve(path)));
}

/** A directory whose entries are still to be read. */
interface OpenDirectory {
  readonly path: Buffer;
  readonly entries: Map<string, TreeNode>;
}

class DirectoryScan {
  readonly #options: ScanDirectoryOptions;
  readonly #algorithm: VerityAlgorithm;
  readonly #waiting: OpenDirectory[] = [];
  /** By device and inode number, for files with more than one name. */
  readonly #linked = new Map<string, LeafNode>();

  constructor(options: ScanDirectoryOptions) {
    this.#options = options;
    this.#algorithm = options.objects?.algorithm ?? options.algorithm ?? 'sha256';
  }

  async run(path: Buffer): Promise<DirectoryNode> {
    const { signal, progress } = operation(this.#options);
    const task = startTask(progress, `read ${path.toString('utf8')}`, 'items');
    const root = this.#openDirectory(path, statusOf(path));
    let files = 0;
    for (let directory = this.#waiting.pop(); directory !== undefined; directory = this.#waiting.pop()) {
      for (const name of namesIn(directory.path)) {
        await this.#entry(directory, name);
        files += 1;
        if (files % FILES_PER_TURN !== 0) continue;
        task.advance(FILES_PER_TURN);
        await nextTurn();
        signal.throwIfAborted();
      }
    }
    task.advance(files % FILES_PER_TURN);
    task.end();
    return root;
  }

  async #entry(directory: OpenDirectory, name: Buffer): Promise<void> {
    const path = Buffer.concat([directory.path, SLASH, name]);
    const status = statusOf(path);
    const isDevice = status.isBlockDevice() || status.isCharacterDevice();
    if (isDevice && this.#options.skipDevices === true) return;
    const node = status.isDirectory() ? this.#openDirectory(path, status) : await this.#leaf(path, status);
    directory.entries.set(name.toString('latin1'), node);
  }

  #openDirectory(path: Buffer, status: BigIntStats): DirectoryNode {
    const entries = new Map<string, TreeNode>();
    const node: DirectoryNode = { kind: 'directory', meta: this.#metadata(path, status), entries };
    this.#waiting.push({ path, entries });
    return node;
  }

  async #leaf(path: Buffer, status: BigIntStats): Promise<LeafNode> {
    if (status.nlink === 1n || this.#options.hardLinks === 'separate')
      return await this.#newLeaf(path, status);
    const id = `${status.dev}:${status.ino}`;
    const known = this.#linked.get(id);
    if (known !== undefined) return known;
    const made = await this.#newLeaf(path, status);
    this.#linked.set(id, made);
    return made;
  }

  async #newLeaf(path: Buffer, status: BigIntStats): Promise<LeafNode> {
    const meta = this.#metadata(path, status);
    if (status.isSymbolicLink()) return { kind: 'symlink', meta, target: targetOf(path) };
    if (status.isFIFO()) return { kind: 'fifo', meta };
    if (status.isSocket()) return { kind: 'socket', meta };
    if (status.isFile()) {
      return { kind: 'regular', meta, content: await readBody(path, this.#algorithm, this.#options.objects) };
    }
    const kind = status.isBlockDevice() ? 'block-device' : 'character-device';
    return { kind, meta, ...decodeDevice(Number(BigInt.asUintN(32, status.rdev))) };
  }

  #metadata(path: Buffer, status: BigIntStats): Metadata {
    const epoch = this.#options.useEpoch === true;
    const nanoseconds = ((status.mtimeNs % SECOND) + SECOND) % SECOND;
    return {
      mode: Number(status.mode) & 0o7777,
      uid: Number(status.uid),
      gid: Number(status.gid),
      mtimeSec: epoch ? 0 : Number((status.mtimeNs - nanoseconds) / SECOND),
      mtimeNsec: epoch ? 0 : Number(nanoseconds),
      xattrs: this.#xattrs(path),
    };
  }

  #xattrs(path: Buffer): ReadonlyMap<string, Uint8Array> {
    const { xattrs: wanted = 'all' } = this.#options;
    if (wanted === 'none') return NO_XATTRS;
    const all = attempt(path, () => readXattrs(path));
    if (all.size === 0) return NO_XATTRS;
    return wanted === 'all' ? all : new Map([...all].filter(([key]) => key.startsWith('user.')));
  }
}

const SLASH = Buffer.from('/');
const SECOND = 1_000_000_000n;
const NO_XATTRS: ReadonlyMap<string, Uint8Array> = new Map();

function statusOf(path: Buffer): BigIntStats {
  return attempt(path, () => lstatSync(path, { bigint: true }));
}

function namesIn(path: Buffer): readonly Buffer[] {
  return attempt(path, () => readdirSync(path, { encoding: 'buffer' }));
}

function targetOf(path: Buffer): string {
  return attempt(path, () => readlinkSync(path, { encoding: 'buffer' })).toString('latin1');
}

function attempt<T>(path: Buffer, act: () => T): T {
  const name = path.toString('utf8');
  try {
    return act();
  } catch (cause) {
    throw ioError(`read ${name}`, name, cause);
  }
}
