import { closeSync, constants, createReadStream, lstatSync, openSync, rmSync } from 'node:fs';
import {
  type ByteStream,
  errnoOf,
  isSlipwayError,
  messageOf,
  type OperationOptions,
  operation,
  startTask,
} from '@slipway/core';
import { enableVerity, measureVerity } from '@slipway/linux';
import { measureStream } from '../verity/measure.ts';
import { imageObjects } from './image-objects.ts';
import { ioError } from './io-error.ts';
import { leftovers, type ObjectFile, objectFiles } from './object-files.ts';
import type { Store } from './store.ts';

/** How to check. */
export interface FsckOptions {
  /** Repair what can be repaired, which needs the store alone. */
  readonly repair?: boolean;
  /**
   * Where repair gets an object that is missing or was removed as corrupt: its bytes, or undefined when it is not there either.
   * They are checked before they count. Called with the lock held, so it must not ask for it.
   */
  readonly refetch?: (digest: string) => Promise<ByteStream | undefined>;
  readonly waitMs?: number;
}

/** Something wrong. */
export interface FsckFinding {
  readonly kind:
    | 'object-corrupt'
    | 'object-misnamed'
    | 'object-unsealed'
    | 'image-incomplete'
    | 'image-unreadable'
    | 'stream-incomplete'
    | 'stream-unreadable'
    | 'leftover'
    | 'meta-damaged';
  /** Digest, image id, stream name or path. */
  readonly name: string;
  /** What is wrong, for people. */
  readonly message: string;
  /** Whether it is right now. */
  readonly repaired: boolean;
}

const READ_CHUNK_BYTES = 1024 * 1024;

/**
 * Reads every object and compares it with its name, then every image and stream and looks for what they need.
 *
 * Repair removes what would be believed although it is wrong (corrupt objects, links that lead nowhere, records whose objects
 * are gone), so that the next pull brings it again, and seals what is not sealed. Where it was told where to get objects, it
 * fills the gaps at once. An image that lost objects and could not get them stays: it may be the one this machine boots, and a
 * pull of it fills the gap. Every step is a removal, a seal or a new object, so a power cut leaves some done and some not.
 *
 * @returns findings in the order objects, images, streams, leftovers; empty when all is well
 * @throws SlipwayError REPOSITORY_LOCKED, IO_FAILED
 */
export async function checkRepository(
  repository: Store,
  options: FsckOptions & OperationOptions = {},
): Promise<readonly FsckFinding[]> {
  const { signal } = operation(options);
  const repair = options.repair ?? false;
  const waitMs = options.waitMs === undefined ? {} : { waitMs: options.waitMs };
  using _lock = await repository.lock(repair ? 'exclusive' : 'shared', { signal, ...waitMs });

  const check: Check = { repository, repair, refetch: repair ? options.refetch : undefined };
  const findings = await checkObjects(repository, repair, options);
  for (const id of repository.images.list()) findings.push(...(await checkImage(check, id)));
  for (const name of repository.listStreams()) findings.push(...(await checkStream(check, name)));
  // Only alone in the store is a temporary file known to be nobody's.
  if (repair)
    findings.push(
      ...leftovers(repository).map((path) => removed('leftover', path, path, 'an unfinished file')),
    );
  return findings;
}

/** What the checks of images and streams share. */
interface Check {
  readonly repository: Store;
  readonly repair: boolean;
  readonly refetch: FsckOptions['refetch'];
}

async function checkObjects(
  repository: Store,
  repair: boolean,
  options: OperationOptions,
): Promise<FsckFinding[]> {
  const { signal, progress } = operation(options);
  const task = startTask(progress, 'check objects', 'bytes');
  const findings: FsckFinding[] = [];
  for (const file of objectFiles(repository)) {
    signal.throwIfAborted();
    const finding = await checkObject(repository, file, repair);
    if (finding !== undefined) findings.push(finding);
    else task.advance(lstatSync(file.path).size);
  }
  task.end();
  return findings;
}

async function checkObject(
  repository: Store,
  { path, digest }: ObjectFile,
  repair: boolean,
): Promise<FsckFinding | undefined> {
  if (digest === undefined || !lstatSync(path).isFile()) {
    return { kind: 'object-misnamed', name: path, message: 'not an object, yet among them', repaired: false };
  }
  const fd = openObject(path);
  try {
    const wrong = await contentProblem(fd, digest, repository);
    if (wrong !== undefined) {
      return repair
        ? removed('object-corrupt', digest, path, wrong)
        : { kind: 'object-corrupt', name: digest, message: wrong, repaired: false };
    }
    return await checkSeal(fd, digest, repository, repair);
  } finally {
    closeSync(fd);
  }
}

/** Why the bytes are not what the name says; a seal that does not match them makes the read itself fail. */
async function contentProblem(fd: number, digest: string, repository: Store): Promise<string | undefined> {
  try {
    const stream = createReadStream('', { fd, start: 0, autoClose: false, highWaterMark: READ_CHUNK_BYTES });
    const measured = await measureStream(stream, repository.algorithm);
    const actual = measured.digest.toString('hex');
    return actual === digest ? undefined : `its bytes have the digest ${actual}`;
  } catch (cause) {
    if (errnoOf(cause) === 'EIO') return `it cannot be read: ${messageOf(cause)}`;
    throw ioError('read an object', repository.objectPath(digest), cause);
  }
}

async function checkSeal(
  fd: number,
  digest: string,
  repository: Store,
  repair: boolean,
): Promise<FsckFinding | undefined> {
  if (repository.verity === 'none') return undefined;
  try {
    const sealed = measureVerity(fd)?.digest.toString('hex');
    if (sealed === digest) return undefined;
    const message = sealed === undefined ? 'not sealed by fs-verity' : `sealed as ${sealed}`;
    const repairable = repair && sealed === undefined;
    if (repairable) await enableVerity(fd, repository.algorithm);
    return { kind: 'object-unsealed', name: digest, message, repaired: repairable };
  } catch (cause) {
    // Where the file system has no fs-verity at all there is nothing to find, unless it was asked for.
    if (repository.verity === 'try' || errnoOf(cause) === 'ETXTBSY') return undefined;
    return { kind: 'object-unsealed', name: digest, message: messageOf(cause), repaired: false };
  }
}

async function checkImage(check: Check, id: string): Promise<readonly FsckFinding[]> {
  const { repository, repair } = check;
  if (!repository.hasImage(id) && !(await isRefetched(check, id))) {
    const message = 'it stands for no object here';
    return [
      repair
        ? removed('image-unreadable', id, repository.images.path(id), message)
        : { kind: 'image-unreadable', name: id, message, repaired: false },
    ];
  }
  try {
    const { missing, refetched } = await complete(check, imageObjects(repository, id));
    return incomplete('image-incomplete', id, missing, refetched);
  } catch (cause) {
    if (!isSlipwayError(cause)) throw cause;
    if (cause.code === 'EROFS_INVALID' && isOfForeignStream(repository, id)) return [];
    return [{ kind: 'image-unreadable', name: id, message: cause.message, repaired: false }];
  }
}

async function checkStream(check: Check, name: string): Promise<readonly FsckFinding[]> {
  const { repository, repair } = check;
  const unreadable = (message: string): readonly FsckFinding[] => [
    repair
      ? removed('stream-unreadable', name, repository.streams.path(name), message)
      : { kind: 'stream-unreadable', name, message, repaired: false },
  ];
  try {
    const own = repository.streams.get(name);
    if (own !== undefined && !repository.hasObject(own)) await isRefetched(check, own);
    const record = repository.readStream(name);
    if (record === undefined && own === undefined) return unreadable('it stands for no object');
    if (record === undefined) return await checkForeignStream(check, name);
    const needed = Array.from(record.objects, (digest) => Buffer.from(digest).toString('hex'));
    const { missing, refetched } = await complete(check, needed);
    if (missing === 0 || !repair) return incomplete('stream-incomplete', name, missing, refetched);
    return [removed('stream-incomplete', name, repository.streams.path(name), lacking(missing))];
  } catch (cause) {
    if (!isSlipwayError(cause)) throw cause;
    return unreadable(cause.message);
  }
}

/** Whether another program's stream names an image: it may be in a format only that program reads. */
function isOfForeignStream(repository: Store, image: string): boolean {
  return repository.listStreams().some((name) => {
    try {
      return repository.readSplitstream(name)?.streams.includes(image) === true;
    } catch (cause) {
      // What cannot be read is found when its turn comes.
      if (!isSlipwayError(cause)) throw cause;
      return false;
    }
  });
}

/** What another program wrote is never removed: it may be all that program knows. */
async function checkForeignStream(check: Check, name: string): Promise<readonly FsckFinding[]> {
  try {
    const stream = check.repository.readSplitstream(name);
    const { missing, refetched } = await complete(check, stream?.objects ?? []);
    return incomplete('stream-incomplete', name, missing, refetched);
  } catch (cause) {
    if (!isSlipwayError(cause)) throw cause;
    return [{ kind: 'stream-unreadable', name, message: cause.message, repaired: false }];
  }
}

function incomplete(
  kind: FsckFinding['kind'],
  name: string,
  missing: number,
  refetched: number,
): readonly FsckFinding[] {
  if (missing > 0) return [{ kind, name, message: lacking(missing), repaired: false }];
  if (refetched === 0) return [];
  return [{ kind, name, message: lacking(refetched), repaired: true }];
}

function lacking(objects: number): string {
  return `${objects} of its objects are not here`;
}

/** Gets what is not here from elsewhere, as far as it can be got; a sync makes it last before it counts. */
async function complete(
  check: Check,
  digests: Iterable<string>,
): Promise<{ readonly missing: number; readonly refetched: number }> {
  let missing = 0;
  let refetched = 0;
  for (const digest of digests) {
    if (check.repository.hasObject(digest)) continue;
    if (await isRefetched(check, digest)) refetched += 1;
    else missing += 1;
  }
  if (refetched > 0) await check.repository.sync();
  return { missing, refetched };
}

/** Whether an object could be got; bytes that are not the right ones are garbage, to be collected like any. */
async function isRefetched({ repository, refetch }: Check, digest: string): Promise<boolean> {
  const bytes = await refetch?.(digest);
  return bytes !== undefined && (await repository.putObject(bytes)).digest === digest;
}

function removed(kind: FsckFinding['kind'], name: string, path: string, message: string): FsckFinding {
  try {
    rmSync(path, { force: true });
  } catch (cause) {
    throw ioError('repair the object store', path, cause);
  }
  return { kind, name, message, repaired: true };
}

function openObject(path: string): number {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  } catch (cause) {
    throw ioError('open an object', path, cause);
  }
}
