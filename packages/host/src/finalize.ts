/**
 * Finishing a staged update while the system shuts down: `/etc` is quiet now, so it is merged for good, and then the one step
 * that makes the new deployment boot. Cut anywhere it leaves the old system booting or the new one, and can be run again.
 */
import {
  BOOT_TRIES,
  deploymentEntry,
  holdsKernel,
  planKernel,
  slipwayEntryName,
  withSourcedOptions,
  writeBootEntry,
  writeKernel,
} from '@slipway/boot';
import {
  type DirectoryNode,
  findKernel,
  openRepository,
  type Repository,
  readFile,
} from '@slipway/composefs';
import { isoTime, isSlipwayError, type Logger, messageOf, type OperationOptions } from '@slipway/core';
import { kernelScope } from './adopt/record.ts';
import { type HostState, highestSequence, readHostState } from './deployment.ts';
import { kernelPair } from './deployment-plan.ts';
import { comparedTree } from './deployment-tree.ts';
import type { EtcConflict } from './etc-merge/plan.ts';
import { reportConflicts } from './etc-merge/report.ts';
import { writeExpected } from './expected.ts';
import { during } from './failure.ts';
import { keepIdentity } from './identity.ts';
import { buildMergedEtc, publishMergedEtc } from './merged-etc.ts';
import { unpinOwnEntry } from './pinned-entry.ts';
import { removeStaged, type StagedUpdate, writeStaged } from './staged.ts';
import type { HostSystem } from './system.ts';
import { recordFailure, runTransaction, type Transaction } from './transaction.ts';

/** What finishing came to. */
export type FinalizeResult =
  | { readonly kind: 'nothing-staged' }
  | {
      readonly kind: 'finalized';
      readonly deployment: string;
      readonly etcConflicts: readonly EtcConflict[];
    };

/** An upgrade that is being stopped by the same shutdown gets this long to let go. */
const LOCK_WAIT_MS = 60_000;

/**
 * Finishes the staged update, if there is one. Run again after it was cut short, it does what was left.
 *
 * @throws SlipwayError with the staged update kept for the next shutdown, and the reason in its record and in the history
 */
export async function finalizeStaged(
  system: HostSystem,
  options: OperationOptions = {},
): Promise<FinalizeResult> {
  const waiting = { ...options, waitMs: LOCK_WAIT_MS };
  return await runTransaction(system, 'slipway internals finalize', waiting, async (transaction) => {
    const state = await readHostState(system);
    // Host keys are made when ssh is first started, which may be after the boot was recorded.
    await keepIdentity(system, state.booted.id, transaction.log);
    if (state.staged === undefined || state.staged.downloadOnly === true) return { kind: 'nothing-staged' };
    try {
      return await finish(transaction, state, state.staged);
    } catch (thrown) {
      await noteFailure(transaction, state.staged, thrown);
      throw thrown;
    }
  });
}

/**
 * Each line is a place where power may fail. Before `writeEntry` the old system boots and the update stays staged; after it
 * the new one boots, and what is left is done by the boot itself.
 */
async function finish(
  transaction: Transaction,
  state: HostState,
  staged: StagedUpdate,
): Promise<FinalizeResult> {
  const { system, log } = transaction;
  let etcConflicts: readonly EtcConflict[] = staged.etcConflicts;
  if (!isEntryWritten(state, staged)) {
    const repository = await openRepository(system.layout.composefs);
    const theirs = comparedTree(repository, staged.deployment);
    etcConflicts = await mergeEtc({ system, state, staged, repository, theirs, log });
    const kernelDirectory = await ensureKernel({ system, state, staged, repository, theirs });
    await expectNextBoot(system, state, staged);
    await unpin(system, log);
    await writeEntry(system, state, staged, kernelDirectory);
  }
  await forgetStaged(transaction, staged, etcConflicts);
  return {
    kind: 'finalized',
    deployment: staged.deployment,
    etcConflicts: reportConflicts(etcConflicts),
  };
}

/** Whether the step that makes it boot was done: it may be counted down or blessed by now, so names are not compared. */
export function isEntryWritten(state: HostState, staged: StagedUpdate): boolean {
  return state.entries.some(
    ({ id, sequence }) => id === staged.deployment && sequence !== undefined && sequence >= staged.sequence,
  );
}

/** Takes the record away once the entry is there. A cut before it: the next boot does it. */
export async function forgetStaged(
  { system, record }: Transaction,
  staged: StagedUpdate,
  etcConflicts: readonly EtcConflict[],
  reason?: string,
): Promise<void> {
  await removeStaged(system.layout.staged);
  system.checkpoint?.('staged-removed');
  const kept =
    etcConflicts.length === 0
      ? undefined
      : `${etcConflicts.length} conflicts in /etc: ${staged.etcPolicy} kept`;
  await record({ event: 'finalized', deployment: staged.deployment, reason: reason ?? kept });
}

/** What the last merge of a staged update needs. */
interface FinalMerge {
  readonly system: HostSystem;
  readonly state: HostState;
  readonly staged: StagedUpdate;
  readonly repository: Repository;
  readonly theirs: DirectoryNode;
  readonly log: Logger;
}

async function mergeEtc(merge: FinalMerge): Promise<readonly EtcConflict[]> {
  const { system, state, staged, repository, theirs, log } = merge;
  const paths = system.layout.deployment(staged.deployment);
  const base = comparedTree(repository, state.booted.id);
  const { etc } = system.layout.deployment(state.booted.id);
  const { conflicts } = await buildMergedEtc(
    { repository, etc, base, theirs, policy: staged.etcPolicy, log },
    paths,
  );
  system.checkpoint?.('etc-merged');
  await publishMergedEtc(paths);
  system.checkpoint?.('etc-published');
  return conflicts;
}

/** The kernel was written when the update was staged; anybody may have tidied up the boot partition since. */
async function ensureKernel({
  system,
  state,
  staged,
  repository,
  theirs,
}: Omit<FinalMerge, 'log'>): Promise<string> {
  const pair = kernelPair(findKernel(theirs), (node) => readFile(repository, node));
  if (await holdsKernel(system.esp, staged.kernelDirectory, pair)) return staged.kernelDirectory;
  return during('write the kernel', system.esp, async () => {
    const plan = await planKernel(system.esp, staged.deployment, pair, kernelScope(state.adopted));
    await writeKernel(system.esp, plan, pair);
    return plan.directory;
  });
}

async function expectNextBoot(system: HostSystem, state: HostState, staged: StagedUpdate): Promise<void> {
  await writeExpected(system.layout.expected, {
    deployment: staged.deployment,
    previous: state.booted.id,
    because: 'upgrade',
  });
  system.checkpoint?.('expected-written');
}

async function unpin(system: HostSystem, log: Logger): Promise<void> {
  const foreign = await unpinOwnEntry(system);
  if (foreign !== undefined)
    log.warn('the boot loader is set to start another entry by default', { entry: foreign });
}

async function writeEntry(
  system: HostSystem,
  state: HostState,
  staged: StagedUpdate,
  kernelDirectory: string,
): Promise<void> {
  const sequence = Math.max(staged.sequence, highestSequence(state.entries) + 1);
  const { title, options, optionSources: sources } = staged;
  const plain = deploymentEntry({ title, kernelDirectory, options });
  const entry = sources === undefined ? plain : withSourcedOptions(plain, { options, sources });
  await during('write the boot entry', system.esp, () =>
    writeBootEntry(system.esp, slipwayEntryName(sequence, BOOT_TRIES), entry),
  );
  system.checkpoint?.('entry-written');
}

async function noteFailure(transaction: Transaction, staged: StagedUpdate, thrown: unknown): Promise<void> {
  const { system } = transaction;
  await recordFailure(transaction, thrown, { deployment: staged.deployment });
  const code = isSlipwayError(thrown) ? thrown.code : 'INTERNAL';
  const failure = { code, message: messageOf(thrown), at: isoTime(system.clock) };
  try {
    await writeStaged(system.layout.staged, { ...staged, failure });
  } catch {
    // The history and the caller's error say the same.
  }
}
