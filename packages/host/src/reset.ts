/**
 * Beginning anew: the state of a host (`/etc`, `/var`, history, apps) takes a place beside the new one, which is as an installer
 * makes it. The store stays: what of the image is there is not fetched again.
 */

import { mkdir, rename, rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import {
  BOOT_TRIES,
  checkBootSpace,
  deploymentEntry,
  type KernelPair,
  planKernel,
  removeBootEntry,
  slipwayEntryName,
  syncDirectory,
  writeBootEntry,
  writeKernel,
} from '@slipway/boot';
import { type OperationOptions, SlipwayError } from '@slipway/core';
import { exchangePaths } from '@slipway/linux';
import { type HostState, highestSequence, readHostState } from './deployment.ts';
import { listDirectory, pathExists } from './directory.ts';
import { writeExpected } from './expected.ts';
import { during } from './failure.ts';
import { requireOwnBoot } from './foreign-entries.ts';
import { collectKernels } from './garbage.ts';
import { hostLayout } from './layout.ts';
import { unpinOwnEntry } from './pinned-entry.ts';
import type { HostSystem } from './system.ts';
import { runTransaction, type Transaction } from './transaction.ts';

/** Below the physical root, while a new state is written. */
const UNFINISHED = 'reset.new';

/** What a host begins anew with. */
export interface FreshHost {
  readonly id: string;
  readonly title: string;
  /** The kernel command line. */
  readonly options: string;
  readonly kernel: KernelPair;
  /**
   * Writes the new state below an empty directory that stands for the physical root, and to the disk: the deployment, and the one that
   * runs now as well, for a boot that does not come up.
   */
  write(root: string): Promise<void>;
}

/** What a reset did, or would do. */
export interface HostReset {
  /** Where the state that is left is afterwards. */
  readonly keptState: string;
  /** Deployments that cannot be booted any more. */
  readonly removed: readonly string[];
}

/**
 * Gives the host a new state and boots it next.
 *
 * What a power cut leaves: before the states change places, the host as it was and a directory nothing refers to; after that, until the
 * entry is written, what runs now with its state new; then the new deployment.
 *
 * @param prepare works out, under the lock, what the host begins anew with
 * @throws SlipwayError NOT_A_SLIPWAY_HOST, NOT_ROOT, HOST_LOCKED, STATE_INVALID, BOOT_SPACE, NO_SPACE, and what `prepare` throws
 */
export async function resetHost<T extends FreshHost>(
  system: HostSystem,
  prepare: (state: HostState) => Promise<T>,
  { dryRun, ...options }: OperationOptions & { readonly dryRun: boolean },
): Promise<{ readonly fresh: T; readonly reset: HostReset }> {
  return await runTransaction(system, 'slipway install reset', options, async (transaction) => {
    const state = await readHostState(system);
    requireOwnBoot(state);
    const fresh = await prepare(state);
    const staying = new Set([state.booted.id, fresh.id]);
    const reset = {
      keptState: await freeName(system.layout.sysroot),
      removed: [...new Set(state.entries.map(({ id }) => id))].filter((id) => !staying.has(id)),
    };
    if (!dryRun) await apply(transaction, state, fresh, reset);
    return { fresh, reset };
  });
}

async function apply(
  { system, record }: Transaction,
  state: HostState,
  fresh: FreshHost,
  { keptState, removed }: HostReset,
): Promise<void> {
  const { sysroot } = system.layout;
  const unfinished = join(sysroot, UNFINISHED);
  const written = hostLayout(unfinished);
  await during('write the new state', sysroot, async () => {
    await rm(unfinished, { recursive: true, force: true });
    await mkdir(unfinished, { mode: 0o700 });
    try {
      await fresh.write(unfinished);
      for (const id of [state.booted.id, fresh.id]) await requireEtc(written.deployment(id).etc);
    } catch (thrown) {
      await rm(unfinished, { recursive: true, force: true });
      throw thrown;
    }
  });
  system.checkpoint?.('deployment-written');
  await collectKernels(system);
  const kernelPlan = await during('write the kernel', system.esp, async () => {
    const plan = await planKernel(system.esp, fresh.id, fresh.kernel);
    await checkBootSpace(system.esp, plan);
    await writeKernel(system.esp, plan, fresh.kernel);
    return plan;
  });
  system.checkpoint?.('kernel-written');
  await record({ event: 'reset', deployment: fresh.id, reason: `this state is kept in ${keptState}` });
  await during('change the state', sysroot, async () => {
    // Under its last name before it changes places: a cut must not leave the old state where the next reset would begin.
    await rename(written.state, keptState);
    exchangePaths(keptState, system.layout.state);
    await rmdir(unfinished);
    await syncDirectory(sysroot);
  });
  system.checkpoint?.('state-exchanged');
  await bootNext(system, state, fresh, kernelPlan.directory);
  // Their /etc is in the state that is left: they would not come up.
  for (const { fileName } of state.entries.filter(({ id }) => removed.includes(id))) {
    await removeBootEntry(system.esp, fileName);
    system.checkpoint?.('entry-removed');
  }
}

async function bootNext(
  system: HostSystem,
  { booted, entries }: HostState,
  { id, title, options }: FreshHost,
  kernelDirectory: string,
): Promise<void> {
  if (id !== booted.id) {
    const expected = { deployment: id, previous: booted.id, because: 'upgrade' } as const;
    await writeExpected(system.layout.expected, expected);
    system.checkpoint?.('expected-written');
  }
  await unpinOwnEntry(system);
  const name = slipwayEntryName(highestSequence(entries) + 1, BOOT_TRIES);
  await during('write the boot entry', system.esp, () =>
    writeBootEntry(system.esp, name, deploymentEntry({ title, kernelDirectory, options })),
  );
  system.checkpoint?.('entry-written');
}

/** A state without the `/etc` of what may start with it would leave a machine that does not. */
async function requireEtc(path: string): Promise<void> {
  if (!(await pathExists(path)))
    throw new SlipwayError('INTERNAL', `cannot reset this host: ${path} is missing`);
}

/** `state.1`, or the first number that is free. */
async function freeName(sysroot: string): Promise<string> {
  const taken = new Set(await listDirectory(sysroot));
  for (let number = 1; ; number += 1)
    if (!taken.has(`state.${number}`)) return join(sysroot, `state.${number}`);
}
