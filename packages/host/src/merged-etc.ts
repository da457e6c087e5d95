/** The `/etc` of the next deployment, made from two images and the live one. */
import { readFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { syncDirectory } from '@slipway/boot';
import { type DirectoryNode, fileSize, type Repository, readFile as readObject } from '@slipway/composefs';
import { collectBytes, type Logger, SlipwayError } from '@slipway/core';
import { exchangePaths } from '@slipway/linux';
import { pathExists } from './directory.ts';
import { buildEtc } from './etc-merge/apply.ts';
import { etcOfImage } from './etc-merge/from-image.ts';
import { displayPath, livePath } from './etc-merge/live-path.ts';
import { type AccountsMerged, type EtcAccountMerge, mergeAccounts } from './etc-merge/merge-accounts.ts';
import type { EtcDirectory } from './etc-merge/node.ts';
import { type EtcConflict, planEtcMerge } from './etc-merge/plan.ts';
import { scanEtc } from './etc-merge/scan.ts';
import { during } from './failure.ts';
import type { DeploymentPaths } from './layout.ts';
import type { EtcPolicy } from './staged.ts';

/** What to merge. */
export interface EtcMerge {
  readonly repository: Repository;
  /** The live `/etc`. */
  readonly etc: string;
  /** Root of the booted deployment's image: what the live one came from. */
  readonly base: DirectoryNode;
  /** Root of the image it is for. */
  readonly theirs: DirectoryNode;
  readonly policy: EtcPolicy;
  readonly log: Logger;
}

/** What the merge met. */
export interface EtcMergeReport {
  readonly conflicts: readonly EtcConflict[];
  readonly accounts: readonly EtcAccountMerge[];
}

/** Longer files are not read to merge accounts; one side's is taken whole. */
const ACCOUNTS_MAX_BYTES = 4 * 1024 * 1024;

/** systemd's note that this `/etc` was brought up to date: not so for the next deployment (`ConditionNeedsUpdate=`). */
const UPDATE_STAMP = '.updated';

/**
 * Merges and builds the result in `etc.staged`, synced. A cut leaves part of it there; nothing uses it, and the next merge
 * begins by removing it.
 *
 * @returns the conflicts met, each decided by the policy, and the account files that were merged
 * @throws SlipwayError ETC_MERGE_CONFLICT when the policy is to fail, NO_SPACE, IO_FAILED
 */
export async function buildMergedEtc(merge: EtcMerge, paths: DeploymentPaths): Promise<EtcMergeReport> {
  const plan = await planMerge(merge);
  if (merge.policy === 'fail' && plan.conflicts.length > 0) throw conflictError(plan.conflicts);
  await during('merge /etc', paths.directory, async () => {
    const sources = {
      ours: merge.etc,
      theirs: merge.theirs,
      objectPath: (digest: Uint8Array) => merge.repository.objectPath(Buffer.from(digest).toString('hex')),
    };
    await buildEtc(plan, sources, paths.etcStaged, merge.log);
  });
  return { conflicts: plan.conflicts, accounts: plan.accounts };
}

/**
 * Makes what {@link buildMergedEtc} built the `/etc` of the deployment. A cut leaves the one before (or none) or the new one,
 * never a part. One that was there, of an earlier life of the same image, is kept as `etc.previous`.
 */
export async function publishMergedEtc(paths: DeploymentPaths): Promise<void> {
  await during('put the new /etc in its place', paths.directory, async () => {
    if (await pathExists(paths.etc)) {
      await rm(paths.etcPrevious, { recursive: true, force: true });
      exchangePaths(paths.etcStaged, paths.etc);
      await rename(paths.etcStaged, paths.etcPrevious);
    } else {
      await rename(paths.etcStaged, paths.etc);
    }
    await syncDirectory(dirname(paths.etc));
  });
}

async function planMerge(merge: EtcMerge): Promise<AccountsMerged> {
  const ours = await during('read /etc', merge.etc, () => scanEtc(merge.etc, merge.repository.algorithm));
  const [base, theirs] = [etcOfImage(merge.base), etcOfImage(merge.theirs)];
  const side = merge.policy === 'theirs' ? 'theirs' : 'ours';
  const plan = planEtcMerge(
    withoutUpdateStamp(base),
    withoutUpdateStamp(ours),
    withoutUpdateStamp(theirs),
    () => side,
  );
  const read = (of: 'base' | 'ours' | 'theirs', path: string): Promise<string | undefined> =>
    of === 'ours' ? liveText(merge.etc, path) : imageText(merge.repository, merge[of], path);
  return mergeAccounts(plan, { base, ours, theirs, read });
}

/** An account file of the live system; undefined when it is gone or far too long. */
async function liveText(etc: string, path: string): Promise<string | undefined> {
  const bytes = await readFile(livePath(etc, path));
  return bytes.length > ACCOUNTS_MAX_BYTES ? undefined : bytes.toString('latin1');
}

async function imageText(
  repository: Repository,
  root: DirectoryNode,
  path: string,
): Promise<string | undefined> {
  const etc = root.entries.get('etc');
  const node = etc?.kind === 'directory' ? etc.entries.get(path) : undefined;
  if (node?.kind !== 'regular' || fileSize(node) > ACCOUNTS_MAX_BYTES) return undefined;
  const tooLong = (): SlipwayError =>
    new SlipwayError('EROFS_INVALID', `cannot read /etc/${path} of the image: it is longer than it says`);
  return (await collectBytes(readObject(repository, node), ACCOUNTS_MAX_BYTES, tooLong)).toString('latin1');
}

/** A tree without the note of systemd that it was brought up to date. */
export function withoutUpdateStamp(tree: EtcDirectory): EtcDirectory {
  const entries = new Map(tree.entries);
  entries.delete(UPDATE_STAMP);
  return { ...tree, entries };
}

function conflictError(conflicts: readonly EtcConflict[]): SlipwayError {
  const paths = [...new Set(conflicts.map(({ path }) => `/etc/${displayPath(path)}`))];
  const shown = paths.slice(0, 10).join(', ') + (paths.length > 10 ? ', …' : '');
  return new SlipwayError(
    'ETC_MERGE_CONFLICT',
    `cannot merge /etc: this machine and the image changed the same ${paths.length === 1 ? 'file' : 'files'}: ${shown}`,
    { hint: 'make them equal to the image, or keep the local ones', details: { conflicts: paths.length } },
  );
}
