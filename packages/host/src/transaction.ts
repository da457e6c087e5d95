/** What every change of a host has in common: who may do it, one at a time, and its trace. */
import { access, constants } from 'node:fs/promises';
import { join } from 'node:path';
import { ESP_PATHS } from '@slipway/boot';
import {
  errnoOf,
  isSlipwayError,
  type Logger,
  messageOf,
  type OperationOptions,
  operation,
  SlipwayError,
} from '@slipway/core';
import { keepBootCopies } from './boot-copies/keep-copies.ts';
import { requireBootedId } from './deployment.ts';
import { pathExists } from './directory.ts';
import { during } from './failure.ts';
import { appendHistory, type HistoryEntry } from './history.ts';
import { refuseLeftState } from './left-state.ts';
import { type LockHolder, lockHost } from './lock.ts';
import type { HostSystem } from './system.ts';

/** A change of a host while it is made: the lock is held. */
export interface Transaction {
  readonly system: HostSystem;
  readonly log: Logger;
  /**
   * Appends to the history. It tells of what was done and is no part of it: that it cannot be written (a full disk) is said
   * in the log and stops nothing.
   */
  readonly record: (entry: HistoryEntry) => Promise<void>;
}

/** How to begin. */
export interface TransactionOptions extends OperationOptions {
  /** How long to wait for whoever changes the host now; 0 asks once. */
  readonly waitMs?: number;
  /** Whether what it changes of the boot partition is copied to those of other disks; yes unless given. */
  readonly keepsCopies?: boolean;
}

const INTERNAL_COMMANDS = 'slipway internals ';

/**
 * Makes a change of this host: checks that it is one, that this process may, and that the boot partition is there; takes the
 * lock, does the work, copies the boot partition to other disks that have one, gives the lock back.
 *
 * @param command for whoever finds the host locked
 * @throws SlipwayError NOT_A_SLIPWAY_HOST, NOT_ROOT, HOST_LOCKED, RESTART_NEEDED, STATE_INVALID, and what the work throws; what the operating
 *   system refused is NO_SPACE or IO_FAILED
 */
export async function runTransaction<T>(
  system: HostSystem,
  command: string,
  options: TransactionOptions,
  work: (transaction: Transaction) => Promise<T>,
): Promise<T> {
  await requireBootedId(system);
  await refuseLeftState(system, command);
  await requireWritable(system, command);
  await requireEsp(system, command);
  const { log } = operation(options);
  await using lock = await lockHost(system.layout.lock, command, {
    clock: system.clock,
    waitMs: options.waitMs ?? 0,
  });
  const record = (entry: HistoryEntry): Promise<void> => recordEntry(system, entry, log);
  return await during(`run ${command}`, system.layout.state, async () => {
    if (lock.leftBy !== undefined) await reportLeft(lock.leftBy, record, log);
    const result = await work({ system, log, record });
    // What failed half-way is copied by whoever tries it again, at the latest by the next shutdown.
    if (options.keepsCopies !== false) await keepBootCopies(system, log);
    return result;
  });
}

/**
 * Says that a change did not come to its end. What the system runs by itself is run again by the next boot or shutdown, and says more
 * about what it finds.
 */
async function reportLeft(left: LockHolder, record: Transaction['record'], log: Logger): Promise<void> {
  if (left.command.startsWith(INTERNAL_COMMANDS)) return;
  const reason = `${left.command} of ${left.since} was cut short: it was killed, or the machine went down`;
  log.warn('an earlier change did not come to its end', { command: left.command, since: left.since });
  await record({ event: 'interrupted', reason });
}

/** Records a failure with its code and words. */
export async function recordFailure(
  transaction: Transaction,
  thrown: unknown,
  entry: Omit<HistoryEntry, 'event' | 'code' | 'reason'>,
): Promise<void> {
  const code = isSlipwayError(thrown) ? thrown.code : 'INTERNAL';
  await transaction.record({ event: 'failed', code, reason: messageOf(thrown), ...entry });
}

async function recordEntry(system: HostSystem, entry: HistoryEntry, log: Logger): Promise<void> {
  try {
    const boot = await system.bootId();
    await appendHistory(system.layout.history, { ...entry, boot }, system.clock);
  } catch (thrown) {
    log.warn('the history could not be written', { event: entry.event, reason: messageOf(thrown) });
  }
}

async function requireWritable(system: HostSystem, command: string): Promise<void> {
  try {
    await access(system.layout.state, constants.W_OK);
  } catch (thrown) {
    if (isDenied(thrown)) throw notRoot(command, thrown);
    const why = errnoOf(thrown) === 'EROFS' ? 'it is mounted read-only' : messageOf(thrown);
    throw new SlipwayError('STATE_INVALID', `cannot change ${system.layout.state}: ${why}`, {
      cause: thrown,
    });
  }
}

/** Writing entries into an empty mount point would change nothing and look as if it had. */
async function requireEsp(system: HostSystem, command: string): Promise<void> {
  try {
    if (await pathExists(join(system.esp, ESP_PATHS.entries))) return;
  } catch (thrown) {
    throw isDenied(thrown) ? notRoot(command, thrown) : thrown;
  }
  throw new SlipwayError(
    'STATE_INVALID',
    `cannot find the boot partition at ${system.esp}: it holds no boot entries`,
    { hint: 'mount it there: systemctl start boot.mount', details: { path: system.esp } },
  );
}

function isDenied(thrown: unknown): boolean {
  return errnoOf(thrown) === 'EACCES' || errnoOf(thrown) === 'EPERM';
}

function notRoot(command: string, cause: unknown): SlipwayError {
  return new SlipwayError('NOT_ROOT', `cannot run ${command}: not root`, {
    hint: 'run the command as root',
    cause,
  });
}
