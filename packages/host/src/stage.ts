/**
 * Staging an update: everything that can be done while the old system runs, up to a record on disk. Nothing of the running
 * system changes, and until the next shutdown nothing boots the new one.
 */
import { rm } from 'node:fs/promises';
import { checkArchitecture } from '@slipway/composefs';
import { isSlipwayError, messageOf, type OperationOptions } from '@slipway/core';
import { requireTrusted } from '@slipway/oci';
import { followedImage } from './bootc-host.ts';
import { type HostState, readHostState } from './deployment.ts';
import { requireOwnBoot } from './foreign-entries.ts';
import { collectHostGarbage, collectKernels } from './garbage.ts';
import { imageSpecOf } from './image-spec.ts';
import { setWaiting } from './release-staged.ts';
import { deniedResult, type StageJob, type StageRequest, stageImage } from './stage-image.ts';
import { isSameSpec, type StageResult, settleWithoutPull } from './stage-result.ts';
import type { HostSystem } from './system.ts';
import { recordFailure, runTransaction, type Transaction } from './transaction.ts';
import { type DeploymentTrust, deploymentTrust } from './trust.ts';

/**
 * Brings an image to this host and stages it for the next boot. With nothing new nothing is written. A staged update that was
 * not finished yet is replaced.
 *
 * What a power cut leaves: before the staged record is written, the old state and pieces nothing refers to (the next call
 * uses or removes them); after it, the staged update.
 *
 * @throws SlipwayError NOT_A_SLIPWAY_HOST, NOT_ROOT, HOST_LOCKED, STATE_INVALID, IMAGE_…, OCI_…, SIGNATURE_…, NO_SPACE, BOOT_SPACE, ETC_MERGE_CONFLICT
 */
export async function stageUpdate(
  system: HostSystem,
  request: StageRequest,
  options: OperationOptions = {},
): Promise<StageResult> {
  return await runTransaction(system, request.command, options, async (transaction) => {
    const state = await readHostState(system);
    requireOwnBoot(state);
    const { source } = request;
    const spec = imageSpecOf(request.reference);
    const isFollowed = isSameSpec(followedImage(state), spec);
    const digest = await source.resolveDigest(options);
    const refused = deniedResult(request, state, spec, digest);
    if (refused !== undefined) return refused;
    const settled = isFollowed ? await settleWithoutPull(transaction, state, spec, digest) : undefined;
    if (settled !== undefined) return await asAskedFor(transaction, state, request, settled);
    const image = await source.resolve(system.architecture, options);
    checkArchitecture(image.config.architecture, system.architecture);
    const job: StageJob = { transaction, request, state, image, spec, options };
    try {
      // Before the first byte of it is written. Under another name others may have to sign, though what it names be booted already.
      const trust = isFollowed ? undefined : await judge(job);
      // A tag for several architectures names an index: which manifest is ours shows only now.
      const settledLate = await settleWithoutPull(transaction, state, spec, image.manifestDigest, trust);
      if (settledLate !== undefined) return await asAskedFor(transaction, state, request, settledLate);
      const refusedLate = deniedResult(request, state, spec, image.manifestDigest);
      if (refusedLate !== undefined) return refusedLate;
      return await stageImage(job, trust ?? (await judge(job)));
    } catch (thrown) {
      await cleanUpAfter(job, thrown);
      throw thrown;
    }
  });
}

/** An update that is staged already waits, or no longer does, as it was asked for this time. */
async function asAskedFor(
  transaction: Transaction,
  state: HostState,
  { downloadOnly }: StageRequest,
  settled: StageResult,
): Promise<StageResult> {
  if (settled.kind === 'already-staged') await setWaiting(transaction, state, downloadOnly === true);
  return settled;
}

async function judge({ request, image, options }: StageJob): Promise<DeploymentTrust> {
  const policyPath = request.signaturePolicy;
  return deploymentTrust(await requireTrusted(request.reference, image, { ...options, policyPath }));
}

/** Gives back what a failed staging took, except what lets an interrupted pull go on. */
async function cleanUpAfter({ transaction, spec, image, state }: StageJob, thrown: unknown): Promise<void> {
  const { system, log } = transaction;
  await recordFailure(transaction, thrown, { image: spec.image, manifestDigest: image.manifestDigest });
  const resumable = isSlipwayError(thrown) && (thrown.code === 'ABORTED' || thrown.code.startsWith('OCI_'));
  try {
    if (resumable) {
      await collectKernels(system);
      return;
    }
    await rm(system.layout.downloads, { recursive: true, force: true });
    await collectHostGarbage(transaction, { rollbackId: state.rollback?.id, thorough: true });
  } catch (cleanup) {
    log.warn('what a failed update left was not removed; the next one will', { reason: messageOf(cleanup) });
  }
}
