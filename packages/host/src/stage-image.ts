/** The steps of staging once it is settled that the image is to be brought: pull, deployment, kernel, record. */
import { entryOptionSources, type KernelPlan, writeKernel } from '@slipway/boot';
import {
  bootTree,
  createBootImage,
  type DirectoryNode,
  findKernel,
  type ImportedImage,
  importImage,
  openRepository,
  type Repository,
} from '@slipway/composefs';
import { isoTime, type OperationOptions, operation, type ProgressTask, startTask } from '@slipway/core';
import type { ImageSource, Reference, ResolvedImage } from '@slipway/oci';
import { liftDenials } from './allow.ts';
import { bringBoundImages } from './bound/keep-bound.ts';
import { denialOf } from './denied.ts';
import { type HostState, highestSequence, nextEntryOf } from './deployment.ts';
import { writeDeploymentFiles } from './deployment-files.ts';
import { planDeployment, type StagedPlan } from './deployment-plan.ts';
import { comparedTree } from './deployment-tree.ts';
import type { EtcConflict } from './etc-merge/plan.ts';
import { reportConflicts } from './etc-merge/report.ts';
import { checkRoom, during, freeBytesOf } from './failure.ts';
import { collectHostGarbage } from './garbage.ts';
import type { ImageSpec } from './image-spec.ts';
import { makeKernelRoom } from './kernel-room.ts';
import { buildMergedEtc, type EtcMergeReport } from './merged-etc.ts';
import { type BootSpace, type LayerSpace, missingLayers, spaceForLayers } from './space.ts';
import { dropStaged, type StageResult } from './stage-result.ts';
import { type EtcPolicy, type StagedUpdate, writeStaged } from './staged.ts';
import { publishStatus } from './status.ts';
import type { Transaction } from './transaction.ts';
import type { DeploymentTrust } from './trust.ts';

/** What to stage, and how. */
export interface StageRequest {
  readonly source: ImageSource;
  /** What the host follows from now on. */
  readonly reference: Reference;
  /** Default `ours`: what the machine has stays. */
  readonly etcPolicy?: EtcPolicy;
  /** Everything but the last step: the update waits until it is asked for without this. */
  readonly downloadOnly?: boolean;
  /** A file instead of this machine's signature policy. */
  readonly signaturePolicy?: string | undefined;
  /** Stage the image although it did not come up before, and forget that it did not. */
  readonly allowDenied?: boolean;
  /** For whoever finds the host locked: `slipway upgrade`. */
  readonly command: string;
}

/** What the steps of one staging share. */
export interface StageJob {
  readonly transaction: Transaction;
  readonly request: StageRequest;
  readonly state: HostState;
  readonly image: ResolvedImage;
  readonly spec: ImageSpec;
  readonly options: OperationOptions;
}

/** The new image in the store, and the tree of the booted one beside it. */
interface BroughtImage {
  readonly repository: Repository;
  readonly imported: ImportedImage;
  readonly base: DirectoryNode;
  /** As it was before. */
  readonly space: LayerSpace;
}

/**
 * Brings the image and stages it. The caller holds the host's lock and has the policy's verdict.
 *
 * @throws SlipwayError IMAGE_…, OCI_…, NO_SPACE, BOOT_SPACE, ETC_MERGE_CONFLICT
 */
export async function stageImage(job: StageJob, trust: DeploymentTrust): Promise<StageResult> {
  const { transaction, state } = job;
  const result = await bringImage(job, trust);
  await collectHostGarbage(transaction, { rollbackId: state.rollback?.id });
  await publishStatus(transaction.system, transaction.log);
  return result;
}

/** The answer where what was asked for did not come up before; undefined where it may be staged. */
export function deniedResult(
  request: StageRequest,
  { booted, denied }: HostState,
  image: ImageSpec,
  manifestDigest: string,
  deployment?: string,
): StageResult | undefined {
  const names = { manifestDigest, ...(deployment === undefined ? {} : { deployment }) };
  const denial = request.allowDenied === true ? undefined : denialOf(denied, names);
  // What runs has come up, whatever it did before.
  if (denial === undefined || denial.deployment === booted.id) return undefined;
  return { kind: 'denied', deployment: denial.deployment, image, manifestDigest, denial };
}

async function bringImage(job: StageJob, trust: DeploymentTrust): Promise<StageResult> {
  const { transaction, state, options } = job;
  const { signal, progress } = operation(options);
  const repository = await openRepository(transaction.system.layout.composefs);
  // Shared until the deployment is written: else garbage collection elsewhere could take the new objects away.
  using _use = await repository.lock('shared', { signal });
  const space = await checkLayerRoom(job, repository);
  const imported = await pull(job, repository);
  const task = startTask(progress, 'prepare the deployment', 'steps', 3);
  const base = comparedTree(repository, state.booted.id);
  const brought: BroughtImage = { repository, imported, base, space };
  const plan = await planNext(job, brought, trust);
  task.advance(1);
  // Another image of the same files comes up no better.
  const { manifestDigest } = job.image;
  const refused = deniedResult(job.request, state, job.spec, manifestDigest, plan.id);
  if (refused !== undefined) return refused;
  // Before anything is staged: an update without what it is bound to would come up without its applications.
  const from = bootTree(imported.tree);
  await bringBoundImages(transaction, repository, from, { signal, progress, log: transaction.log });
  const result =
    plan.id === state.booted.id ? await retarget(job, plan) : await stagePlan(job, brought, plan, task);
  task.end();
  return result;
}

/**
 * Refuses what cannot fit before anything is fetched. Unpacked layers may hold files that are here already, which take no room:
 * that those are too large is only said, and a disk that does fill up gives everything back.
 *
 * @throws SlipwayError NO_SPACE
 */
async function checkLayerRoom({ transaction, image }: StageJob, repository: Repository): Promise<LayerSpace> {
  const { system, log } = transaction;
  const space = await spaceForLayers(system.layout.sysroot, missingLayers(repository, image));
  const { packedBytes, unpackedBytes, freeBytes } = space;
  await checkRoom('stage the update', system.layout.sysroot, packedBytes);
  if (unpackedBytes !== null && unpackedBytes > freeBytes) {
    log.warn('the update may not fit', { unpackedBytes, freeBytes });
  }
  return space;
}

async function pull(
  { transaction, request, image, options }: StageJob,
  repository: Repository,
): Promise<ImportedImage> {
  const { system } = transaction;
  const imported = await during('pull the image', system.layout.sysroot, () =>
    importImage(repository, request.source, image, {
      ...options,
      cacheDir: system.layout.downloads,
      deltasBeside: request.reference,
    }),
  );
  system.checkpoint?.('pulled');
  return imported;
}

async function planNext(
  job: StageJob,
  { repository, imported, base }: BroughtImage,
  trust: DeploymentTrust,
): Promise<StagedPlan> {
  const { state, options } = job;
  const { system } = job.transaction;
  // Asked first: an image without a kernel is refused before anything is made of it.
  const kernel = findKernel(imported.tree);
  const { id } = await createBootImage(repository, imported, options);
  return planDeployment({ system, state, repository, imported, base, kernel, id, spec: job.spec, trust });
}

/** The image differs, what it boots does not: the running deployment is from it as well. */
async function retarget(
  { transaction, state, spec, image }: StageJob,
  plan: StagedPlan,
): Promise<StageResult> {
  await dropStaged(transaction, state, 'the image that is followed is the booted one again');
  const bootDigest = state.booted.origin?.bootDigest;
  await writeDeploymentFiles(transaction.system, plan.id, { ...plan.origin, bootDigest });
  const { manifestDigest } = image;
  await transaction.record({
    event: 'retargeted',
    deployment: plan.id,
    image: spec.image,
    manifestDigest,
    version: plan.origin.version,
  });
  return { kind: 'retargeted', deployment: plan.id, image: spec, manifestDigest };
}

/** Writes everything the deployment needs, then the record that makes it staged. */
async function stagePlan(
  job: StageJob,
  brought: BroughtImage,
  plan: StagedPlan,
  task: ProgressTask,
): Promise<StageResult> {
  const { transaction, state, spec } = job;
  const { system } = transaction;
  const kernelPlan = await makeKernelRoom(transaction, state, plan);
  const boot: BootSpace = {
    fileSystem: system.esp,
    neededBytes: kernelPlan.neededBytes,
    freeBytes: await freeBytesOf(system.esp),
  };
  const origin = { ...plan.origin, bootDigest: kernelPlan.bootDigest };
  await writeDeploymentFiles(system, plan.id, origin, plan.localArguments);
  const { conflicts: etcConflicts, accounts: etcAccounts } = await previewEtc(job, brought, plan.id);
  task.advance(1);
  await during('write the kernel', system.esp, () => writeKernel(system.esp, kernelPlan, plan.kernel));
  system.checkpoint?.('kernel-written');
  task.advance(1);
  await writeStaged(system.layout.staged, await stagedUpdate(job, plan, kernelPlan, etcConflicts));
  system.checkpoint?.('staged-written');

  const { manifestDigest, fetchedBytes, newObjectBytes } = brought.imported;
  const lifted = denialOf(state.denied, { manifestDigest, deployment: plan.id });
  if (lifted !== undefined) await liftDenials(transaction, state.denied, [lifted]);
  const { version } = plan.origin;
  await transaction.record({
    event: 'staged',
    deployment: plan.id,
    image: spec.image,
    manifestDigest,
    version,
  });
  return {
    kind: 'staged',
    deployment: plan.id,
    image: spec,
    manifestDigest,
    version,
    etcConflicts: reportConflicts(etcConflicts),
    etcAccounts,
    fetchedBytes,
    newObjectBytes,
    space: { root: brought.space, boot },
  };
}

/** The merge that counts is made at shutdown; this one finds now what would stop it then. */
async function previewEtc(
  { transaction, request, state }: StageJob,
  { repository, imported, base }: BroughtImage,
  id: string,
): Promise<EtcMergeReport> {
  const { system, log } = transaction;
  const policy = request.etcPolicy ?? 'ours';
  const theirs = bootTree(imported.tree);
  // As at shutdown: the one that is kept, which a /etc in memory hides.
  const { etc } = system.layout.deployment(state.booted.id);
  const merge = { repository, etc, base, theirs, policy, log };
  const report = await buildMergedEtc(merge, system.layout.deployment(id));
  system.checkpoint?.('deployment-written');
  return report;
}

async function stagedUpdate(
  { transaction, request, state }: StageJob,
  plan: StagedPlan,
  kernelPlan: KernelPlan,
  etcConflicts: readonly EtcConflict[],
): Promise<StagedUpdate> {
  const { system } = transaction;
  const current = nextEntryOf(state, state.booted.id);
  const optionSources = current === undefined ? {} : entryOptionSources(current.entry);
  return {
    deployment: plan.id,
    previous: state.booted.id,
    sequence: highestSequence(state.entries) + 1,
    title: plan.title,
    kernelDirectory: kernelPlan.directory,
    options: plan.options,
    ...(Object.keys(optionSources).length === 0 ? {} : { optionSources }),
    etcPolicy: request.etcPolicy ?? 'ours',
    etcConflicts,
    stagedAt: isoTime(system.clock),
    boot: await system.bootId(),
    ...(request.downloadOnly === true ? { downloadOnly: true } : {}),
  };
}
