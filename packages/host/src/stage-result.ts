/** What staging may come to, and the cases that need no pull. */
import type { DeniedImage } from './denied.ts';
import type { HostState } from './deployment.ts';
import { writeDeploymentFiles } from './deployment-files.ts';
import type { EtcAccountMerge } from './etc-merge/merge-accounts.ts';
import type { EtcConflict } from './etc-merge/plan.ts';
import type { ImageSpec } from './image-spec.ts';
import type { BootSpace, LayerSpace } from './space.ts';
import { removeStaged } from './staged.ts';
import type { Transaction } from './transaction.ts';
import type { DeploymentTrust } from './trust.ts';

interface StageOutcome {
  readonly deployment: string;
  readonly image: ImageSpec;
  readonly manifestDigest: string;
}

/** What became of a request to stage an image. */
export type StageResult =
  /** It is the booted one: nothing was written, except that a staged update to something else was dropped. */
  | (StageOutcome & { readonly kind: 'up-to-date'; readonly unstaged: string | undefined })
  /** It is the staged one already. */
  | (StageOutcome & { readonly kind: 'already-staged' })
  /** What it boots is booted already; only the image that is followed changed. No reboot needed. */
  | (StageOutcome & { readonly kind: 'retargeted' })
  /** It did not come up before, and nobody asked for it all the same; nothing was written. */
  | (StageOutcome & { readonly kind: 'denied'; readonly denial: DeniedImage })
  /** The next boot brings it up. */
  | (StageOutcome & {
      readonly kind: 'staged';
      readonly version: string | undefined;
      readonly etcConflicts: readonly EtcConflict[];
      /** Account files that were merged by line. */
      readonly etcAccounts: readonly EtcAccountMerge[];
      readonly fetchedBytes: number;
      readonly newObjectBytes: number;
      /** What was reckoned before: for the layers, and for the kernel. */
      readonly space: { readonly root: LayerSpace; readonly boot: BootSpace };
    });

/**
 * Answers a request whose image is here already; undefined when it has to be brought.
 *
 * @param trust what the policy says of the image under a name that was not followed until now
 */
export async function settleWithoutPull(
  transaction: Transaction,
  state: HostState,
  spec: ImageSpec,
  manifestDigest: string,
  trust?: DeploymentTrust,
): Promise<StageResult | undefined> {
  const { system } = transaction;
  const outcome = { image: spec, manifestDigest };
  const judged = trust === undefined ? {} : { trust };
  const { booted, staged, stagedDeployment } = state;
  const stagedOrigin = stagedDeployment?.origin;
  if (staged !== undefined && stagedOrigin?.manifestDigest === manifestDigest) {
    if (isSameSpec(stagedOrigin.image, spec)) {
      return { kind: 'already-staged', deployment: staged.deployment, ...outcome };
    }
    await writeDeploymentFiles(system, staged.deployment, { ...stagedOrigin, image: spec, ...judged });
    return { kind: 'already-staged', deployment: staged.deployment, ...outcome };
  }
  if (booted.origin?.manifestDigest !== manifestDigest) return undefined;
  const unstaged = await dropStaged(transaction, state, 'the image that is followed is the booted one again');
  if (isSameSpec(booted.origin.image, spec)) {
    return { kind: 'up-to-date', deployment: booted.id, unstaged, ...outcome };
  }
  await writeDeploymentFiles(system, booted.id, { ...booted.origin, image: spec, ...judged });
  await transaction.record({
    event: 'retargeted',
    deployment: booted.id,
    image: spec.image,
    manifestDigest,
  });
  return { kind: 'retargeted', deployment: booted.id, ...outcome };
}

/** Drops the staged update, if any; its files go with the next collection. A cut leaves it staged or not. */
export async function dropStaged(
  { system, record }: Transaction,
  { staged }: HostState,
  reason: string,
): Promise<string | undefined> {
  if (staged === undefined) return undefined;
  await removeStaged(system.layout.staged);
  system.checkpoint?.('staged-removed');
  await record({ event: 'unstaged', deployment: staged.deployment, reason });
  return staged.deployment;
}

/** Whether two names of images are the same; null is none. */
export function isSameSpec(a: ImageSpec | null, b: ImageSpec): boolean {
  return a !== null && a.image === b.image && a.transport === b.transport;
}
