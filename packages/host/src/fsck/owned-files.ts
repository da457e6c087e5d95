/** Files of the numbers some accounts had, given to the numbers they are to have. */
import type { Stats } from 'node:fs';
import { chmod, lchown, lstat, readdir } from 'node:fs/promises';
import { errnoOf } from '@slipway/core';
import { getXattr, setXattr } from '@slipway/linux';
import type { Renumbering } from './renumber.ts';

const SLASH = Buffer.from('/');
/** Taken away by the kernel when a file changes hands. */
const CAPABILITY = 'security.capability';
const SET_ID_BITS = 0o6000;

/**
 * Counts the files below directories that belong to the numbers before, and unless it is only to be counted gives them to those after.
 * Links are not followed, other file systems not entered. Done again after a cut it does the rest.
 */
export async function giveFiles(
  roots: readonly string[],
  changes: readonly Renumbering[],
  { countOnly, signal }: { readonly countOnly: boolean; readonly signal: AbortSignal },
): Promise<number> {
  const users = numbersOf(changes, 'user');
  const groups = numbersOf(changes, 'group');
  let count = 0;
  const visit = async (path: Buffer, device: number): Promise<void> => {
    signal.throwIfAborted();
    const facts = await lstat(path).catch(unlessGone);
    if (facts === undefined || facts.dev !== device) return;
    const [uid, gid] = [users.get(facts.uid) ?? facts.uid, groups.get(facts.gid) ?? facts.gid];
    if (uid !== facts.uid || gid !== facts.gid) {
      count += 1;
      if (!countOnly) await give(path, facts, uid, gid);
    }
    if (!facts.isDirectory()) return;
    for (const name of (await readdir(path, { encoding: 'buffer' }).catch(unlessGone)) ?? []) {
      await visit(Buffer.concat([path, SLASH, name]), device);
    }
  };
  for (const root of roots) await visit(Buffer.from(root), (await lstat(root)).dev);
  return count;
}

/** A cut between the two leaves a file without its set-id bits: the safe half. */
async function give(path: Buffer, facts: Stats, uid: number, gid: number): Promise<void> {
  const capability = facts.isFile() ? capabilityOf(path) : undefined;
  await lchown(path, uid, gid);
  if (facts.isFile() && (facts.mode & SET_ID_BITS) !== 0) await chmod(path, facts.mode & 0o7777);
  if (capability !== undefined) setXattr(path, CAPABILITY, capability);
}

function capabilityOf(path: Buffer): Buffer | undefined {
  try {
    return getXattr(path, CAPABILITY);
  } catch (thrown) {
    if (errnoOf(thrown) === 'ENOTSUP' || errnoOf(thrown) === 'EOPNOTSUPP') return undefined;
    throw thrown;
  }
}

/** The system goes on working meanwhile. */
function unlessGone(thrown: unknown): undefined {
  if (errnoOf(thrown) !== 'ENOENT') throw thrown;
}

function numbersOf(changes: readonly Renumbering[], of: Renumbering['kind']): ReadonlyMap<number, number> {
  return new Map(changes.filter(({ kind }) => kind === of).map(({ from, to }) => [from, to]));
}
