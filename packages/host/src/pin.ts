/** Pins: deployments that are kept whatever comes. */
import { removeFileDurably, writeFileDurably } from '@slipway/boot';
import type { OperationOptions } from '@slipway/core';
import { chooseDeployment } from './choose-deployment.ts';
import { readHostState } from './deployment.ts';
import { publishStatus } from './status.ts';
import type { HostSystem } from './system.ts';
import { runTransaction } from './transaction.ts';

/** What became of a pin. */
export interface PinResult {
  /** `unchanged`: it was so already. */
  readonly kind: 'pinned' | 'unpinned' | 'unchanged';
  readonly deployment: string;
  readonly version: string | undefined;
  readonly pinned: boolean;
}

/**
 * Pins a deployment, or takes the pin away; an unpinned one goes with the next collection unless the policy keeps it. The pin
 * is an empty file beside the deployment's `/etc`: a cut leaves it there or not.
 *
 * @param name see {@link chooseDeployment}; default: the one that runs
 * @throws SlipwayError NO_SUCH_DEPLOYMENT, NOT_A_SLIPWAY_HOST, NOT_ROOT, HOST_LOCKED, NO_SPACE
 */
export async function setPinned(
  system: HostSystem,
  name: string | undefined,
  pinned: boolean,
  options: OperationOptions = {},
): Promise<PinResult> {
  const command = pinned ? 'slipway pin' : 'slipway unpin';
  return await runTransaction(system, command, options, async ({ record, log }) => {
    const { deployment } = chooseDeployment(await readHostState(system), name ?? 'booted');
    const { id } = deployment;
    const version = deployment.origin?.version;
    if (deployment.pinned === pinned) return { kind: 'unchanged', deployment: id, version, pinned };
    const { pin } = system.layout.deployment(id);
    if (pinned) await writeFileDurably(pin, '');
    else await removeFileDurably(pin);
    const kind = pinned ? 'pinned' : 'unpinned';
    await record({ event: kind, deployment: id, version });
    await publishStatus(system, log);
    return { kind, deployment: id, version, pinned };
  });
}
