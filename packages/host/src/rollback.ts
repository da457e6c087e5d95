/** Going back to the other deployment at the next boot, and taking that back. */
import { removeBootEntry, writeBootEntry } from '@slipway/boot';
import { messageOf, type OperationOptions, SlipwayError } from '@slipway/core';
import { chooseDeployment } from './choose-deployment.ts';
import { type Deployment, type HostState, readHostState } from './deployment.ts';
import { removeExpected, writeExpected } from './expected.ts';
import { during } from './failure.ts';
import { requireOwnBoot } from './foreign-entries.ts';
import { type NextBootChange, planNextBoot } from './next-boot.ts';
import { dropStaged } from './stage-result.ts';
import { publishStatus } from './status.ts';
import type { HostSystem } from './system.ts';
import { runTransaction, type Transaction } from './transaction.ts';

/** What boots next. */
export interface RollbackResult {
  /** `cancelled` when a rollback was queued before: the booted deployment boots again. */
  readonly kind: 'queued' | 'cancelled';
  readonly deployment: string;
  readonly version: string | undefined;
  /** The staged update that was dropped for it. */
  readonly unstaged: string | undefined;
}

/**
 * Makes the other deployment the next to boot; called again, the booted one. Any kept one can be named. Its `/etc` is as it was left, `/var` is
 * shared. A staged update is dropped. The deployment gets its boot attempts anew: when it does not come up, the boot
 * loader returns to this one.
 *
 * A cut leaves the old boot order or the new one.
 *
 * @param to see {@link chooseDeployment}; default: the one the boot loader would take if this one failed
 * @throws SlipwayError NO_ROLLBACK, NO_SUCH_DEPLOYMENT, NOT_A_SLIPWAY_HOST, NOT_ROOT, HOST_LOCKED, STATE_INVALID
 */
export async function rollback(
  system: HostSystem,
  { to, ...options }: OperationOptions & { readonly to?: string | undefined } = {},
): Promise<RollbackResult> {
  return await runTransaction(system, 'slipway rollback', options, async (transaction) => {
    const state = await readHostState(system);
    requireOwnBoot(state);
    const target = to === undefined ? chooseTarget(state) : chooseDeployment(state, to).deployment;
    const isBooted = target.id === state.booted.id;
    const change = planNextBoot(state.entries, target.id, isBooted);
    if (change.kind === 'impossible') throw noEntry(target);
    const unstaged = await dropStaged(transaction, state, 'a rollback was asked for');
    if (isBooted) await withdrawExpectation(system);
    await apply(system, change);
    if (!isBooted) await expectRollback(transaction, state, target);
    const kind = isBooted ? 'cancelled' : 'queued';
    const version = target.origin?.version;
    await transaction.record({ event: `rollback-${kind}`, deployment: target.id, version });
    await publishStatus(system, transaction.log);
    return { kind, deployment: target.id, version, unstaged };
  });
}

function chooseTarget({ booted, rollback, nextId }: HostState): Deployment {
  if (nextId !== undefined && nextId !== booted.id) return booted;
  if (rollback !== undefined) return rollback;
  throw new SlipwayError('NO_ROLLBACK', 'cannot go back: there is no other deployment on this host', {
    hint: 'the first update leaves the deployment it replaces to go back to',
  });
}

/** Before the order is changed back: in between, a boot of the other deployment is merely nothing special. */
async function withdrawExpectation(system: HostSystem): Promise<void> {
  await removeExpected(system.layout.expected);
  system.checkpoint?.('expected-removed');
}

/** After the order is changed, for the same reason. A full disk must not keep anyone from going back. */
async function expectRollback(
  { system, log }: Transaction,
  { booted }: HostState,
  target: Deployment,
): Promise<void> {
  const expected = { deployment: target.id, previous: booted.id, because: 'rollback' } as const;
  try {
    await writeExpected(system.layout.expected, expected);
  } catch (thrown) {
    log.warn('the next boot cannot tell whether it was the one asked for', { reason: messageOf(thrown) });
  }
  system.checkpoint?.('expected-written');
}

async function apply(system: HostSystem, change: NextBootChange): Promise<void> {
  await during('change the boot order', system.esp, async () => {
    if (change.kind === 'add') {
      await writeBootEntry(system.esp, change.fileName, change.from.entry);
      system.checkpoint?.('entry-written');
    }
    if (change.kind === 'remove') {
      for (const fileName of change.fileNames) {
        await removeBootEntry(system.esp, fileName);
        system.checkpoint?.('entry-removed');
      }
    }
  });
}

function noEntry({ id }: Deployment): SlipwayError {
  return new SlipwayError('STATE_INVALID', `cannot boot the deployment ${id}: it has no boot entry`, {
    hint: 'a staged one starts at the next boot by itself; for others slipway upgrade or switch writes an entry',
  });
}
