/** Taking images off the deny-list. */
import type { OperationOptions } from '@slipway/core';
import { SlipwayError } from '@slipway/core';
import { type DeniedImage, writeDenied } from './denied.ts';
import { readHostState } from './deployment.ts';
import { publishStatus } from './status.ts';
import type { HostSystem } from './system.ts';
import { runTransaction, type Transaction } from './transaction.ts';

/** Images that may be staged again. */
export interface AllowResult {
  readonly allowed: readonly DeniedImage[];
}

/**
 * Lets images be staged again that did not come up.
 *
 * @param name the manifest digest or the first digits (four or more) of the deployment's id; undefined: all of them
 * @throws SlipwayError NO_SUCH_DEPLOYMENT when nothing of that name is denied
 */
export async function allowDenied(
  system: HostSystem,
  name: string | undefined,
  options: OperationOptions = {},
): Promise<AllowResult> {
  return await runTransaction(system, 'slipway allow', options, async (transaction) => {
    const { denied } = await readHostState(system);
    const allowed = denied.filter((one) => name === undefined || isNamed(one, name));
    if (allowed.length === 0 && name !== undefined) {
      throw new SlipwayError('NO_SUCH_DEPLOYMENT', `cannot allow ${JSON.stringify(name)}: it is not denied`, {
        hint: 'slipway status shows what is',
      });
    }
    await liftDenials(transaction, denied, allowed);
    await publishStatus(system, transaction.log);
    return { allowed };
  });
}

/** Takes images off the list. A cut leaves the list as it was or without them. */
export async function liftDenials(
  { system, record }: Transaction,
  denied: readonly DeniedImage[],
  lifted: readonly DeniedImage[],
): Promise<void> {
  if (lifted.length === 0) return;
  await writeDenied(
    system.layout.denied,
    denied.filter((one) => !lifted.includes(one)),
  );
  for (const { deployment, manifestDigest, image, version } of lifted) {
    await record({ event: 'allowed', deployment, manifestDigest, image, version });
  }
}

function isNamed({ manifestDigest, deployment }: DeniedImage, name: string): boolean {
  return manifestDigest === name || (/^[0-9a-f]{4,128}$/.test(name) && deployment.startsWith(name));
}
