/**
 * Going on with another deployment without going through firmware, boot loader and kernel (systemd-soft-reboot.service(8)): only
 * userspace starts anew, in seconds.
 *
 * The request is a file in `/run`: whatever ends the machine in another way leaves nothing of it. The root is prepared while the
 * system goes down, after a staged update was finished (`next-root` beside the units of the host).
 */
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { bootEntryOptions } from '@slipway/boot';
import { isSameCommandLine } from './command-line.ts';
import { type Deployment, type HostState, nextEntryOf, readHostState } from './deployment.ts';
import type { HostSystem } from './system.ts';

/** The first with `systemctl soft-reboot`. */
const FIRST_SYSTEMD = 254;

/** The deployment the next start brings up, and what stands in the way of a soft reboot into it. */
export interface SoftRebootPlan {
  readonly deployment: string;
  /** One sentence; undefined where nothing does. */
  readonly obstacle: string | undefined;
}

/**
 * Whether what starts next can start by a soft reboot: the kernel, initramfs and command line that run are the ones it would be
 * booted with.
 *
 * @param systemdVersion of the running system
 * @throws SlipwayError NOT_A_SLIPWAY_HOST, NOT_ROOT
 */
export async function planSoftReboot(system: HostSystem, systemdVersion: number): Promise<SoftRebootPlan> {
  const state = await readHostState(system);
  const next = nextStart(state);
  if (systemdVersion < FIRST_SYSTEMD) {
    return {
      deployment: next.deployment,
      obstacle: `systemd ${systemdVersion} cannot: ${FIRST_SYSTEMD} is needed`,
    };
  }
  return { deployment: next.deployment, obstacle: obstacle(state, next, await system.commandLine()) };
}

/** Asks for it; the caller starts the soft reboot. A cut, or any other kind of reboot, leaves nothing of the request. */
export async function requestSoftReboot(system: HostSystem, deployment: string): Promise<void> {
  await mkdir(system.runDirectory, { recursive: true, mode: 0o755 });
  await writeFile(requestPath(system), `${deployment}\n`, { mode: 0o600 });
}

/** Takes a request back. */
export async function withdrawSoftReboot(system: HostSystem): Promise<void> {
  await rm(requestPath(system), { force: true });
}

interface NextStart {
  readonly deployment: string;
  readonly options: string;
  readonly bootDigest: string | undefined;
}

function nextStart({ staged, stagedDeployment, booted, rollback, others, entries }: HostState): NextStart {
  if (staged !== undefined && staged.downloadOnly !== true) {
    const bootDigest = stagedDeployment?.origin?.bootDigest;
    return { deployment: staged.deployment, options: staged.options, bootDigest };
  }
  const [first] = entries;
  const id = first?.id ?? booted.id;
  const known = [booted, rollback, ...others].find((deployment) => deployment?.id === id);
  const options = first === undefined ? '' : bootEntryOptions(first.entry);
  return { deployment: id, options, bootDigest: known?.origin?.bootDigest };
}

function obstacle(state: HostState, next: NextStart, commandLine: string): string | undefined {
  const { booted, entries } = state;
  const isOnlyOne = entries.filter(({ id }) => id === booted.id).length < 2;
  return next.deployment === booted.id && isOnlyOne ? undefined : difference(state, next, commandLine);
}

/** What of the running kernel is another one there. */
function difference({ booted }: HostState, next: NextStart, commandLine: string): string | undefined {
  const running = booted.origin?.bootDigest;
  if (running === undefined || next.bootDigest === undefined) return 'which kernel runs is not recorded';
  if (running !== next.bootDigest) return 'its kernel or initramfs is another one';
  return isSameCommandLine(commandLine, next.options) ? undefined : 'its kernel command line is another one';
}

/**
 * The deployments a soft reboot can lead to from the one that runs, as `softRebootCapable` tells it: those with its kernel,
 * initramfs and command line. Itself is none, as with bootc.
 *
 * @param commandLine of the running kernel
 */
export function softRebootTargets(state: HostState, commandLine: string): ReadonlySet<string> {
  const { booted, staged, stagedDeployment, rollback, others } = state;
  const candidates = [stagedDeployment, rollback, ...others].flatMap((one) => one ?? []);
  const isTarget = ({ id, origin }: Deployment): boolean => {
    const entry = nextEntryOf(state, id);
    const isStaged = id === staged?.deployment;
    if (id === booted.id || (entry === undefined && !isStaged)) return false;
    const own = entry === undefined ? '' : bootEntryOptions(entry.entry);
    const options = isStaged ? staged.options : own;
    return (
      difference(state, { deployment: id, options, bootDigest: origin?.bootDigest }, commandLine) ===
      undefined
    );
  };
  return new Set(candidates.filter(isTarget).map(({ id }) => id));
}

function requestPath(system: HostSystem): string {
  return join(system.runDirectory, 'next-root');
}
