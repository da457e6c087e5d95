/** Checking a whole host, and repairing it. */
import { readlink, rm, stat, symlink } from 'node:fs/promises';
import { syncDirectory } from '@slipway/boot';
import { checkRepositoryMeta } from '@slipway/composefs';
import { errnoOf } from '@slipway/core';
import { listDeployments } from '../choose-deployment.ts';
import { type Deployment, type HostState, readHostState } from '../deployment.ts';
import { VAR_LINK_TARGET } from '../layout.ts';
import { publishStatus } from '../status.ts';
import type { HostSystem } from '../system.ts';
import { runTransaction } from '../transaction.ts';
import { checkAccounts } from './check-accounts.ts';
import { checkBoot } from './check-boot.ts';
import { checkOrigins } from './check-origins.ts';
import { checkRecords } from './check-records.ts';
import type { HostFinding } from './finding.ts';
import { checkStore, type RefillOptions } from './refill.ts';
import { refillableApps, refillableDeployment } from './refillable.ts';

/** What a check came to. */
export interface FsckResult {
  /** `damaged`: something is left that is wrong. */
  readonly kind: 'clean' | 'repaired' | 'damaged';
  readonly findings: readonly HostFinding[];
}

/**
 * Checks every object, image and record of the store, each deployment's files, boot entries and kernels, and the host's own
 * records; repairs what can be repaired, fetching what was lost from where the images came from. Of `/etc` only the account files
 * are its business: that they fit each other and the image.
 *
 * @throws SlipwayError NOT_A_SLIPWAY_HOST, NOT_ROOT, HOST_LOCKED, REPOSITORY_LOCKED, REPOSITORY_INVALID, IO_FAILED, NO_SPACE, and
 *   what a source throws while an image is fetched
 */
export async function fsckHost(system: HostSystem, options: RefillOptions): Promise<FsckResult> {
  const { repair, openSource: _openSource, ...operation } = options;
  const beginning = { ...operation, keepsCopies: repair };
  return await runTransaction(system, 'slipway fsck', beginning, async (transaction) => {
    const { record, log } = transaction;
    const meta = await checkMeta(system, repair);
    const records = await checkRecords(transaction, repair);
    if (meta?.repaired === false) return { kind: 'damaged', findings: [meta, ...records] };
    const found = await readHostState(system);
    // First: they say where the rest is to be had.
    const origins = await checkOrigins(system, deploymentsOf(found), repair, log);
    const state = origins.some(({ repaired }) => repaired) ? await readHostState(system) : found;
    const deployments = deploymentsOf(state);
    const refillables = [...deployments.map(refillableDeployment), ...(await refillableApps(system.layout))];
    const all = [
      ...(meta === undefined ? [] : [meta]),
      ...records,
      ...origins,
      ...(await checkStore(system, refillables, options)),
      ...(await checkFiles(system, deployments, repair)),
      ...(await checkAccounts(system, state.booted.id, repair)),
      ...(await checkBoot(system, state, repair)),
    ];
    const findings = [...all, ...state.problems.map(unreadable).filter(({ name }) => isNew(all, name))];
    const repaired = findings.filter((finding) => finding.repaired).length;
    if (repaired > 0)
      await record({ event: 'repaired', reason: `${repaired} of ${findings.length} findings` });
    await publishStatus(system, log);
    if (findings.length === 0) return { kind: 'clean', findings };
    return { kind: repaired === findings.length ? 'repaired' : 'damaged', findings };
  });
}

/** Without it nothing of the store can be read: what else is wrong is told once it is right. */
async function checkMeta({ layout }: HostSystem, repair: boolean): Promise<HostFinding | undefined> {
  const finding = await checkRepositoryMeta(layout.composefs, { repair });
  return finding === undefined ? undefined : { part: 'store', ...finding };
}

async function checkFiles(
  system: HostSystem,
  deployments: readonly Deployment[],
  repair: boolean,
): Promise<readonly HostFinding[]> {
  const findings: HostFinding[] = [];
  for (const { id, entry } of deployments) {
    const { directory, etc, varLink } = system.layout.deployment(id);
    // One that is only staged gets its /etc at shutdown.
    if (entry !== undefined && !(await isDirectory(etc))) {
      const message = 'it has no /etc, and would not boot; delete it or stage its image again';
      findings.push({ part: 'deployment', kind: 'etc-missing', name: etc, message, repaired: false });
    }
    if ((await linkTarget(varLink)) === VAR_LINK_TARGET) continue;
    if (repair) {
      await rm(varLink, { force: true });
      await symlink(VAR_LINK_TARGET, varLink);
      await syncDirectory(directory);
    }
    const message = `it does not lead to ${VAR_LINK_TARGET}`;
    findings.push({ part: 'deployment', kind: 'var-link', name: varLink, message, repaired: repair });
  }
  return findings;
}

function deploymentsOf(state: HostState): readonly Deployment[] {
  return listDeployments(state).map(({ deployment }) => deployment);
}

/** Whether nothing has been said of it yet. */
function isNew(findings: readonly HostFinding[], name: string): boolean {
  return findings.every((finding) => finding.name !== name);
}

function unreadable(problem: string): HostFinding {
  const path = problem.split(' ').find((word) => word.startsWith('/'));
  const name = path?.replace(/:$/, '') ?? problem.split(':')[0] ?? '';
  return { part: 'state', kind: 'unreadable', name, message: problem, repaired: false };
}

async function isDirectory(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (thrown) {
    if (errnoOf(thrown) === 'ENOENT') return false;
    throw thrown;
  }
}

async function linkTarget(path: string): Promise<string | undefined> {
  try {
    return await readlink(path);
  } catch (thrown) {
    if (errnoOf(thrown) === 'ENOENT' || errnoOf(thrown) === 'EINVAL') return undefined;
    throw thrown;
  }
}
