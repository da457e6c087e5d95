/** Deployments as people count and name them. */
import { SlipwayError } from '@slipway/core';
import type { Deployment, HostState } from './deployment.ts';

/** What a deployment is to its host. */
export type DeploymentRole = 'staged' | 'booted' | 'rollback' | 'other';

/** A deployment in the order in which the status shows them. */
export interface ListedDeployment {
  /** From 0; changes with every transaction. */
  readonly index: number;
  readonly role: DeploymentRole;
  readonly deployment: Deployment;
}

const INDEX = /^\d{1,3}$/;
const ID_PREFIX = /^[0-9a-f]{4,128}$/;
const MANIFEST_DIGEST = /^sha256:[0-9a-f]{64}$/;

/** Every deployment once: staged, booted, the one to go back to, the others as the boot loader prefers them. */
export function listDeployments(state: HostState): readonly ListedDeployment[] {
  const { stagedDeployment: staged, booted, rollback, others } = state;
  const rows: readonly (readonly [DeploymentRole, Deployment | undefined])[] = [
    ['staged', staged],
    ['booted', booted],
    ['rollback', rollback?.id === staged?.id ? undefined : rollback],
    ...others.map((other) => ['other', other] as const),
  ];
  return rows
    .flatMap(([role, deployment]) => (deployment === undefined ? [] : [{ role, deployment }]))
    .map((row, index) => ({ index, ...row }));
}

/**
 * The deployment somebody means.
 *
 * @param name its number in the status, the first four or more digits of its id, its manifest digest, or `booted`, `rollback`, `staged`
 * @throws SlipwayError NO_SUCH_DEPLOYMENT when it names none, or several
 */
export function chooseDeployment(state: HostState, name: string): ListedDeployment {
  const listed = listDeployments(state);
  const found = listed.filter((row) => isNamed(row, name));
  const [only] = found;
  if (only !== undefined && found.length === 1) return only;
  const why = found.length === 0 ? 'there is none of that name' : `${found.length} deployments are called so`;
  throw new SlipwayError('NO_SUCH_DEPLOYMENT', `cannot find the deployment ${JSON.stringify(name)}: ${why}`, {
    hint: 'slipway status numbers them; the first digits of the id do as well',
    details: { known: listed.length },
  });
}

function isNamed({ index, role, deployment }: ListedDeployment, name: string): boolean {
  if (name === role && role !== 'other') return true;
  if (INDEX.test(name)) return index === Number(name);
  if (MANIFEST_DIGEST.test(name)) return deployment.origin?.manifestDigest === name;
  return ID_PREFIX.test(name) && deployment.id.startsWith(name);
}
