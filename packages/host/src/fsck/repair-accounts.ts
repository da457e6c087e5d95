/** Bringing the accounts of the running system in order with each other and with the image. */
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf, type OperationOptions, operation } from '@slipway/core';
import { syncFileSystemAt } from '@slipway/linux';
import { readHostState } from '../deployment.ts';
import type { HostSystem } from '../system.ts';
import { runTransaction } from '../transaction.ts';
import { type AccountFiles, staleLines } from './account-consistency.ts';
import { liveFiles, owningDrifts, replaceAccounts } from './account-files.ts';
import { giveFiles } from './owned-files.ts';
import { type BlockedRenumbering, planRenumbering, type Renumbering, renumberedFiles } from './renumber.ts';

/** How to go about it. */
export interface RepairAccountsOptions extends OperationOptions {
  /** Only say what would be done. */
  readonly dryRun: boolean;
  /** Numbers of users that run processes; those of this machine unless given. */
  readonly busyUsers?: () => Promise<ReadonlySet<number>>;
}

/** What was done, or would be. */
export interface AccountRepair {
  readonly kind: 'nothing-to-do' | 'would-repair' | 'repaired' | 'left';
  /** Lines taken out of `shadow` and `gshadow`, by file. */
  readonly stale: readonly { readonly file: 'shadow' | 'gshadow'; readonly names: readonly string[] }[];
  readonly renumbered: readonly Renumbering[];
  /** Those that only people can decide about. */
  readonly blocked: readonly BlockedRenumbering[];
  /** In `/etc` and `/var`. */
  readonly files: number;
}

/**
 * Takes lines of `shadow` and `gshadow` out whose account is gone, and gives accounts the number the image's files have for them, and
 * their files in `/etc` and `/var` with it.
 *
 * Files first, then `passwd`, then `group`: a cut in between leaves a difference that the same command finds again, and goes on with.
 *
 * @throws SlipwayError NOT_A_SLIPWAY_HOST, NOT_ROOT, HOST_LOCKED, IO_FAILED, ABORTED
 */
export async function repairAccounts(
  system: HostSystem,
  { dryRun, busyUsers = usersOfProcesses, ...options }: RepairAccountsOptions,
): Promise<AccountRepair> {
  const { signal } = operation(options);
  return await runTransaction(system, 'slipway repair-accounts', options, async ({ record }) => {
    const { booted } = await readHostState(system);
    const here = await liveFiles(system.etc);
    const stale = staleLines(here).map(({ file, names }) => ({ file, names }));
    const drifted = await owningDrifts(system, booted.id, here);
    const { changes, blocked } = planRenumbering(here, drifted, await busyUsers());
    const roots = changes.length === 0 ? [] : [system.etc, system.layout.varDirectory];
    const files = await giveFiles(roots, changes, { countOnly: dryRun, signal });
    const found = { stale, renumbered: changes, blocked, files };
    const isMuch = stale.length + changes.length > 0;
    if (!isMuch) return { kind: blocked.length === 0 ? 'nothing-to-do' : 'left', ...found };
    if (dryRun) return { kind: 'would-repair', ...found };
    for (const root of roots) await syncFileSystemAt(root);
    await writeAccounts(system.etc, here, changes);
    await record({ event: 'repaired', deployment: booted.id, reason: summary(found) });
    return { kind: blocked.length === 0 ? 'repaired' : 'left', ...found };
  });
}

async function writeAccounts(
  etc: string,
  here: AccountFiles,
  changes: readonly Renumbering[],
): Promise<void> {
  for (const { file, text } of staleLines(here))
    await replaceAccounts(join(etc, file), here[file] ?? '', text);
  const { passwd, group } = renumberedFiles(here, changes);
  if (passwd !== undefined) await replaceAccounts(join(etc, 'passwd'), here.passwd ?? '', passwd);
  if (group !== undefined) await replaceAccounts(join(etc, 'group'), here.group ?? '', group);
}

function summary({ stale, renumbered, files }: Omit<AccountRepair, 'kind'>): string {
  const lines = stale.reduce((sum, { names }) => sum + names.length, 0);
  const names = renumbered.map(({ kind, name, from, to }) => `${kind} ${name} ${from} -> ${to}`);
  return `accounts: ${lines} stale lines removed; ${names.join(', ') || 'no numbers changed'}; ${files} files given`;
}

/** proc(5): the directory of a process belongs to the user it runs as. */
async function usersOfProcesses(): Promise<ReadonlySet<number>> {
  const users = new Set<number>();
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      users.add((await stat(`/proc/${name}`)).uid);
    } catch (thrown) {
      // It has ended.
      if (errnoOf(thrown) !== 'ENOENT' && errnoOf(thrown) !== 'ESRCH') throw thrown;
    }
  }
  return users;
}
