/** What is found on a host that is to be bootc's again. */
import { dirname } from 'node:path';
import { bootEntryValue, type KernelPair, type KernelPlan, planKernel } from '@slipway/boot';
import { openRepository, type Repository, readFile, type VerityAlgorithm } from '@slipway/composefs';
import { errnoOf } from '@slipway/core';
import { appNames } from '../apps/layout.ts';
import type { Deployment, DeploymentBootEntry, HostState } from '../deployment.ts';
import { deploymentTree } from '../deployment-tree.ts';
import { freeBytesOf } from '../failure.ts';
import { pairAt } from '../fsck/kernel-place.ts';
import { imageOsRelease, type OsRelease } from '../image-file.ts';
import type { HostSystem } from '../system.ts';
import { documentsOf } from './bootc-streams.ts';
import { bootsBootcsKernel } from './plan.ts';
import { imageHasUnit } from './survey.ts';

/** A deployment bootc is to have. */
export interface GivenDeployment {
  readonly id: string;
  readonly entry: DeploymentBootEntry;
  readonly osRelease: OsRelease;
  readonly manifestDigest: string | undefined;
  /** Whether the store has its manifest and configuration, whoever recorded them. */
  readonly hasDocuments: boolean;
  /** Where bootc finds its kernel; undefined where what the entry starts is not there. */
  readonly kernel: KernelPlan | undefined;
}

/** Everything a plan is made from. */
export interface GiveBackFacts {
  readonly state: Pick<
    HostState,
    'booted' | 'rollback' | 'others' | 'staged' | 'entries' | 'nextId' | 'adopted' | 'bootLoader'
  >;
  readonly algorithm: VerityAlgorithm;
  /** Whether the running image has what finishes bootc's updates. */
  readonly hasBootc: boolean;
  readonly apps: readonly string[];
  /** What runs, and what is there to go back to. */
  readonly deployments: readonly GivenDeployment[];
  /** Of the boot partition. */
  readonly freeBytes: number;
}

const BOOTC_UNIT = 'bootc-finalize-staged.service';

/** Looks at everything, changes nothing. */
export async function surveyForBootc(system: HostSystem, state: HostState): Promise<GiveBackFacts> {
  const repository = await openRepository(system.layout.composefs);
  const deployments: GivenDeployment[] = [];
  for (const deployment of [state.booted, state.rollback]) {
    const { entry } = deployment ?? {};
    // One the boot loader gave up on is nothing to go back to.
    if (deployment === undefined || entry === undefined || entry.name.counter?.triesLeft === 0) continue;
    const own = state.entries.find(({ fileName }) => fileName === entry.fileName);
    if (own !== undefined) deployments.push(await givenDeployment(system, repository, deployment, own));
  }
  return {
    state,
    algorithm: repository.algorithm,
    hasBootc: imageHasUnit(deploymentTree(repository, state.booted.id), BOOTC_UNIT),
    apps: await appNames(system.layout),
    deployments,
    freeBytes: await freeBytesOf(system.esp),
  };
}

/** Kernel and initramfs an entry starts, where they are; undefined where they are not. */
export async function startedPair(
  esp: string,
  { entry }: DeploymentBootEntry,
): Promise<KernelPair | undefined> {
  const [linux, initrd] = [bootEntryValue(entry, 'linux'), bootEntryValue(entry, 'initrd')];
  if (linux === undefined || initrd === undefined) return undefined;
  try {
    return await pairAt(esp, { linux, initrd });
  } catch (thrown) {
    if (errnoOf(thrown) === 'ENOENT') return undefined;
    throw thrown;
  }
}

async function givenDeployment(
  { esp }: HostSystem,
  repository: Repository,
  { id, origin }: Deployment,
  entry: DeploymentBootEntry,
): Promise<GivenDeployment> {
  const manifestDigest = origin?.manifestDigest;
  return {
    id,
    entry,
    osRelease: await imageOsRelease(deploymentTree(repository, id), (node) => readFile(repository, node)),
    manifestDigest,
    hasDocuments: manifestDigest !== undefined && documentsOf(repository, manifestDigest) !== undefined,
    kernel: await bootcKernel(esp, id, entry),
  };
}

async function bootcKernel(
  esp: string,
  id: string,
  entry: DeploymentBootEntry,
): Promise<KernelPlan | undefined> {
  const pair = await startedPair(esp, entry);
  if (pair === undefined) return undefined;
  const linux = bootEntryValue(entry.entry, 'linux') ?? '';
  if (bootsBootcsKernel(entry))
    return { directory: dirname(linux), shared: true, bootDigest: '', neededBytes: 0 };
  return await planKernel(esp, id, pair, { namings: ['bootc'] });
}
