/** The first thing after a boot: says which deployment came up, whether it is the one that should have, and tidies up. */
import { bootEntryOptions, type GrubRefresh, refreshGrubMenu } from '@slipway/boot';
import { isoTime, isSlipwayError, messageOf, type OperationOptions, operation } from '@slipway/core';
import { takeNewestBoot } from './boot-copies/take-newest.ts';
import { findDamagedRecords, setRecordAside } from './damaged-records.ts';
import { type DeniedImage, writeDenied } from './denied.ts';
import { type HostState, readHostState, requireBootedId } from './deployment.ts';
import { type ExpectedBoot, readExpected, removeExpected, writeExpected } from './expected.ts';
import { forgetStaged, isEntryWritten } from './finalize.ts';
import { collectHostGarbage } from './garbage.ts';
import { readFailedBoot, removeFailedBoot } from './health/failed-boot.ts';
import { type HistoryEntry, readHistory } from './history.ts';
import { keepIdentity } from './identity.ts';
import { dropStaged } from './stage-result.ts';
import type { StagedUpdate } from './staged.ts';
import { publishStatus } from './status.ts';
import { spentTrials } from './superseded-entries.ts';
import type { HostSystem } from './system.ts';
import { runTransaction, type Transaction } from './transaction.ts';

/** What the boot was. */
export interface BootReport {
  readonly deployment: string;
  readonly outcome: /** Nothing was to change. */
    | 'as-before'
    /** The update or rollback that was to come up did. */
    | 'as-expected'
    /** The boot loader gave up on what was to come up. */
    | 'rolled-back-by-boot-loader'
    /** Something else was started, in the boot menu for example. */
    | 'unexpected'
    /** This boot was recorded before. */
    | 'already-recorded'
    /** It could not be written down; `reason` says why. */
    | 'not-recorded';
  /** One sentence for people, where there is something to say. */
  readonly reason: string | undefined;
  /** A staged update that was not finished at shutdown; the next shutdown will. */
  readonly interrupted: string | undefined;
}

const LOCK_WAIT_MS = 30_000;

/**
 * Records the boot. Run again in the same boot it does nothing. Quick when there is nothing to do.
 *
 * Whether a boot is good must not hang on whether it could be written down (a full disk, a damaged record): what fails is
 * logged, and told as `not-recorded`. A cut anywhere leaves the records of what was found, and the same work to the next boot.
 *
 * @throws SlipwayError NOT_A_SLIPWAY_HOST, NOT_ROOT
 */
export async function recordBoot(system: HostSystem, options: OperationOptions = {}): Promise<BootReport> {
  const deployment = await requireBootedId(system);
  const waiting = { ...options, waitMs: LOCK_WAIT_MS };
  try {
    return await runTransaction(system, 'slipway internals booted', waiting, recordInTransaction);
  } catch (thrown) {
    if (!isSlipwayError(thrown) || thrown.code === 'NOT_ROOT') throw thrown;
    const reason = thrown.message;
    operation(options).log.error('the boot was not recorded', { code: thrown.code, reason });
    return { deployment, outcome: 'not-recorded', reason, interrupted: undefined };
  }
}

async function recordInTransaction(transaction: Transaction): Promise<BootReport> {
  const { system, log } = transaction;
  await takeNewestBoot(transaction);
  const menu = await refreshMenu(transaction);
  await setRecordsAside(transaction);
  const state = await readHostState(system);
  const deployment = state.booted.id;
  if (await isRecorded(system, deployment)) {
    return { deployment, outcome: 'already-recorded', reason: undefined, interrupted: undefined };
  }
  await keepIdentity(system, deployment, log);
  for (const problem of state.problems) log.warn('something is damaged', { problem });
  const interrupted = await settleStaged(transaction, state);
  const expected = await readExpected(system.layout.expected);
  const isUnknown = isUnknownToGrub(state, expected, menu);
  // What was not finished at shutdown could not come up, and its staged record says so already.
  const possible = isUnknown || expected?.deployment === interrupted ? undefined : expected;
  const { outcome, event } = await explainFallback(system, judgeBoot(state, possible));
  if (outcome === 'as-expected') await removeFailedBoot(system);
  if (event !== undefined) await transaction.record(event);
  await recordDroppedArguments(transaction, state);
  if (outcome === 'rolled-back-by-boot-loader') await deny(transaction, state, event);
  await transaction.record({ event: 'booted', deployment, version: state.booted.origin?.version });
  if (!isUnknown) await settleExpectation(transaction, state, expected);
  const rollbackId = expected?.deployment === deployment ? expected.previous : undefined;
  await collectHostGarbage(transaction, { rollbackId });
  await publishStatus(system, log);
  return { deployment, outcome, reason: event?.reason, interrupted };
}

/**
 * What GRUB counted becomes names of entries, and its menu what they say: first of all, because everything else reads names. A
 * partition that is full or damaged keeps no boot from being good.
 */
async function refreshMenu({ system, log }: Transaction): Promise<GrubRefresh | undefined> {
  try {
    return await refreshGrubMenu(system.esp);
  } catch (thrown) {
    log.warn('the menu of GRUB could not be brought up to date', { reason: messageOf(thrown) });
    return undefined;
  }
}

/** Power was cut between the entry and GRUB's menu: it had no choice, and the next boot starts what this one was to. */
function isUnknownToGrub(
  { bootLoader, booted, entries }: HostState,
  expected: ExpectedBoot | undefined,
  menu: GrubRefresh | undefined,
): boolean {
  if (bootLoader !== 'grub' || menu === undefined || expected === undefined) return false;
  if (expected.deployment === booted.id) return false;
  const own = entries.filter(({ id }) => id === expected.deployment);
  return own.length > 0 && own.every(({ name }) => !menu.known.has(name.base));
}

/**
 * While the attempts of what came up are counted it may fail its checks yet, and the boot after that has to know what was tried:
 * the expectation stays until then. A cut leaves the one before; it only changes what is reported.
 */
async function settleExpectation(
  { system, log }: Transaction,
  { booted }: HostState,
  expected: ExpectedBoot | undefined,
): Promise<void> {
  if (expected?.deployment === booted.id && booted.entry?.name.counter !== undefined) {
    if (expected.seen === true) return;
    try {
      await writeExpected(system.layout.expected, { ...expected, seen: true });
    } catch (thrown) {
      log.warn('the next boot may report this one again', { reason: messageOf(thrown) });
    }
    return;
  }
  await removeExpected(system.layout.expected);
  system.checkpoint?.('expected-removed');
}

/** The boot loader gave up on kernel arguments that were tried; their entry goes with the collection that follows. */
async function recordDroppedArguments({ record }: Transaction, { entries }: HostState): Promise<void> {
  for (const { id, entry, name } of spentTrials(entries)) {
    const reason = `it did not come up in ${name.counter?.triesDone ?? 0} attempts with ${bootEntryOptions(entry)}`;
    await record({ event: 'kernel-arguments-dropped', deployment: id, reason });
  }
}

/**
 * Notes that the image did not come up, so that no upgrade stages it again by itself. A cut leaves the list without it and the
 * expectation in place: the next boot judges the same. A full disk keeps no boot from being good.
 */
async function deny(
  { system, log, record }: Transaction,
  state: HostState,
  event: HistoryEntry | undefined,
): Promise<void> {
  const { deployment, reason = '' } = event ?? {};
  if (deployment === undefined) return;
  const known = [state.rollback, state.stagedDeployment, ...state.others];
  const origin = known.find((one) => one?.id === deployment)?.origin;
  const denied: DeniedImage = {
    manifestDigest: origin?.manifestDigest,
    deployment,
    image: origin?.image.image,
    version: origin?.version,
    since: isoTime(system.clock),
    reason,
  };
  try {
    const others = state.denied.filter((one) => one.deployment !== deployment);
    await writeDenied(system.layout.denied, [...others, denied]);
  } catch (thrown) {
    log.warn('the next upgrade may stage the same image again', { reason: messageOf(thrown) });
    return;
  }
  const { manifestDigest, image, version } = denied;
  await record({ event: 'denied', deployment, manifestDigest, image, version, reason });
}

/** A damaged record is none: this boot says so once, and the next begin without it. */
async function setRecordsAside(transaction: Transaction): Promise<void> {
  const { system, log } = transaction;
  for (const damaged of await findDamagedRecords(system)) {
    const { path, without } = damaged;
    log.warn('a record is damaged', { path, without });
    try {
      await setRecordAside(transaction, damaged);
    } catch (thrown) {
      log.warn('a damaged record stays where it is', { path, reason: messageOf(thrown) });
    }
  }
}

/** What became of the boot that was expected; a pure judgement over what the boot loader left. */
export function judgeBoot(
  state: HostState,
  expected: ExpectedBoot | undefined,
): { readonly outcome: BootReport['outcome']; readonly event?: HistoryEntry } {
  if (expected === undefined) return { outcome: 'as-before' };
  if (expected.deployment === state.booted.id) {
    return { outcome: expected.seen === true ? 'as-before' : 'as-expected' };
  }
  const entry = [...state.entries]
    .filter(({ id }) => id === expected.deployment)
    .toSorted((a, b) => (b.sequence ?? 0) - (a.sequence ?? 0))[0];
  // Its entry was never written, or somebody took it away: the boot loader had no choice.
  if (entry === undefined) return { outcome: 'as-before' };
  const counter = entry.name.counter;
  if (counter?.triesLeft === 0) {
    const reason = `the ${expected.because} did not come up in ${counter.triesDone} attempts`;
    const event = { event: 'rolled-back-by-boot-loader', deployment: expected.deployment, reason } as const;
    return { outcome: 'rolled-back-by-boot-loader', event };
  }
  if (expected.seen === true) return { outcome: 'as-before' };
  const reason = `another deployment than the one of the ${expected.because} was started`;
  return {
    outcome: 'unexpected',
    event: { event: 'booted-unexpected', deployment: expected.deployment, reason },
  };
}

/** The boot loader knows only that attempts ended; the boot that failed may have written down why. */
async function explainFallback<T extends { readonly event?: HistoryEntry }>(
  system: HostSystem,
  judged: T,
): Promise<T> {
  if (judged.event?.event !== 'rolled-back-by-boot-loader') return judged;
  const failed = await readFailedBoot(system);
  if (failed === undefined || failed.deployment !== judged.event.deployment) return judged;
  const { image, version, manifestDigest, reason } = failed;
  return { ...judged, event: { ...judged.event, image, version, manifestDigest, reason } };
}

/** A soft reboot brings up another deployment in the same boot of the kernel. */
async function isRecorded(system: HostSystem, deployment: string): Promise<boolean> {
  const boot = await system.bootId();
  const records = await readHistory(system.layout.history);
  const last = records.findLast((entry) => entry.event === 'booted' && entry.boot === boot);
  return last?.deployment === deployment;
}

/** A staged update of an earlier boot: finished up to its record, or still to be finished. */
async function settleStaged(transaction: Transaction, state: HostState): Promise<string | undefined> {
  const { system } = transaction;
  const { staged } = state;
  if (staged === undefined) return undefined;
  if (isEntryWritten(state, staged)) {
    await forgetStaged(
      transaction,
      staged,
      staged.etcConflicts,
      'power was cut right after the boot entry was written',
    );
    return undefined;
  }
  if (staged.deployment === state.booted.id) {
    await dropStaged(
      transaction,
      state,
      'it was booted without being finished, in the boot menu for example',
    );
    return undefined;
  }
  if (staged.downloadOnly === true || staged.boot === (await system.bootId())) return undefined;
  await transaction.record({
    event: 'finalize-interrupted',
    deployment: staged.deployment,
    reason: whyInterrupted(staged),
    code: staged.failure?.code,
  });
  return staged.deployment;
}

function whyInterrupted({ failure }: StagedUpdate): string {
  const why = failure === undefined ? 'the machine went down before it was finished' : failure.message;
  return `${why}; the next shutdown finishes it`;
}
