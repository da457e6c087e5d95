/** What is found on a host that is to be taken over from bootc. */
import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { bootEntryFiles, isBootcEntry, isBootcEntryFile, readBootEntries } from '@slipway/boot';
import { type DirectoryNode, lookupPath, openRepository, type Repository } from '@slipway/composefs';
import { errnoOf, isSlipwayError, type Logger, messageOf } from '@slipway/core';
import { listDeployments } from '../choose-deployment.ts';
import type { DeploymentBootEntry, HostState } from '../deployment.ts';
import { comparedTree, deploymentTree } from '../deployment-tree.ts';
import { pathExists } from '../directory.ts';
import { recordedVersion } from '../images/recorded-documents.ts';
import type { HostSystem } from '../system.ts';

/** A deployment bootc boots, as it is on the disk. */
export interface BootcDeployment {
  readonly id: string;
  /** Of its image, where the store knows it. */
  readonly version: string | undefined;
  readonly hasState: boolean;
  readonly hasOrigin: boolean;
  /** Why its image cannot be read. */
  readonly imageProblem: string | undefined;
  /** Of its entry: what the boot partition does not have. */
  readonly missingFiles: readonly string[];
}

/** Everything a plan is made from. */
export interface AdoptionFacts {
  readonly state: Pick<HostState, 'booted' | 'entries' | 'allEntries' | 'adopted' | 'bootLoader'>;
  readonly deployments: readonly BootcDeployment[];
  /** Files named like entries of bootc that could not be read. */
  readonly unreadable: readonly string[];
  /** Why there is no telling what the object store holds. */
  readonly repositoryProblem: string | undefined;
  /** The entry of bootc's the boot loader is set to start by default, whatever the order. */
  readonly pinnedEntry: string | undefined;
  /** bootc has an update that the next shutdown finishes, or a rest of one. */
  readonly stagedByBootc: boolean;
  /** Files the running image lacks that updates need. */
  readonly missingParts: readonly string[];
  /** Services nothing starts. */
  readonly disabled: readonly string[];
}

const UNITS = '/usr/lib/systemd/system';
/** What finishes an update, records a boot, mounts the boot partition. */
const SERVICES = ['slipway-finalize.service', 'slipway-booted.service'] as const;
const GENERATOR = '/usr/lib/systemd/system-generators/slipway-boot-generator';

/** Looks at everything, changes nothing. */
export async function surveyBootcHost(
  system: HostSystem,
  state: HostState,
  log: Logger,
): Promise<AdoptionFacts> {
  const { problems } = await readBootEntries(system.esp);
  const repository = await openRepository(system.layout.composefs).catch(problemOf);
  const entries = state.entries.filter(isBootcEntry);
  const deployments: BootcDeployment[] = [];
  for (const entry of entries)
    deployments.push(await deploymentOf({ system, state, repository, log }, entry));
  return {
    state,
    deployments,
    unreadable: problems.map(({ fileName }) => fileName).filter(isBootcEntryFile),
    repositoryProblem: typeof repository === 'string' ? repository : undefined,
    pinnedEntry: await pinnedBootcEntry(system),
    stagedByBootc: await isStagedByBootc(system),
    ...(await partsOf(system, state.booted.id, repository)),
  };
}

/** Whether an image has a unit, without asking whether it is on. */
export function imageHasUnit(tree: DirectoryNode, unit: string): boolean {
  return lookupPath(tree, `${UNITS}/${unit}`) !== undefined;
}

interface Survey {
  readonly system: HostSystem;
  readonly state: HostState;
  readonly repository: Repository | string;
  readonly log: Logger;
}

async function deploymentOf(
  { system: { esp, layout }, state, repository, log }: Survey,
  { id, entry }: DeploymentBootEntry,
): Promise<BootcDeployment> {
  const paths = layout.deployment(id);
  const known = listDeployments(state).find(({ deployment }) => deployment.id === id);
  const origin = known?.deployment.origin;
  const isReadable = typeof repository !== 'string';
  const files = bootEntryFiles(entry);
  const isThere = await Promise.all(files.map((file) => pathExists(join(esp, file))));
  const recorded = isReadable ? recordedVersion(repository, origin?.manifestDigest, log) : undefined;
  return {
    id,
    version: origin?.version ?? recorded,
    hasState: (await pathExists(paths.etc)) && (await pathExists(paths.varLink)),
    hasOrigin: origin !== undefined,
    imageProblem: isReadable ? imageProblem(repository, id) : undefined,
    missingFiles: files.filter((_file, index) => isThere[index] === false),
  };
}

function imageProblem(repository: Repository, id: string): string | undefined {
  try {
    comparedTree(repository, id);
    return undefined;
  } catch (thrown) {
    return problemOf(thrown);
  }
}

async function pinnedBootcEntry(system: HostSystem): Promise<string | undefined> {
  const pinned = await system.pinnedEntry();
  return pinned !== undefined && isBootcEntryFile(pinned) ? pinned : undefined;
}

/** What it says while it runs, and what it has ready beside the entries. */
async function isStagedByBootc({ esp, bootcRunDirectory }: HostSystem): Promise<boolean> {
  if (await pathExists(join(bootcRunDirectory, 'staged-deployment'))) return true;
  return await pathExists(join(esp, 'loader/entries.staged'));
}

async function partsOf(
  { etc }: HostSystem,
  id: string,
  repository: Repository | string,
): Promise<Pick<AdoptionFacts, 'missingParts' | 'disabled'>> {
  const none = { missingParts: [], disabled: [] };
  if (typeof repository === 'string' || imageProblem(repository, id) !== undefined) return none;
  const tree = deploymentTree(repository, id);
  const parts = [...SERVICES.map((unit) => `${UNITS}/${unit}`), GENERATOR];
  const missingParts = parts.filter((path) => lookupPath(tree, path) === undefined);
  if (missingParts.length > 0) return { missingParts, disabled: [] };
  const wanted = [...wantedUnits(tree), ...(await wantedHere(join(etc, 'systemd/system')))];
  return { missingParts, disabled: SERVICES.filter((unit) => !wanted.includes(unit)) };
}

function wantedUnits(tree: DirectoryNode): readonly string[] {
  const node = lookupPath(tree, UNITS)?.node;
  if (node?.kind !== 'directory') return [];
  return [...node.entries].flatMap(([name, below]) =>
    isWants(name) && below.kind === 'directory' ? [...below.entries.keys()] : [],
  );
}

async function wantedHere(directory: string): Promise<readonly string[]> {
  const names: string[] = [];
  for (const name of (await namesIn(directory)).filter(isWants)) {
    const path = join(directory, name);
    if ((await lstat(path)).isDirectory()) names.push(...(await namesIn(path)));
  }
  return names;
}

async function namesIn(directory: string): Promise<readonly string[]> {
  try {
    return await readdir(directory);
  } catch (thrown) {
    if (errnoOf(thrown) === 'ENOENT') return [];
    throw thrown;
  }
}

function isWants(name: string): boolean {
  return name.endsWith('.wants') || name.endsWith('.requires');
}

function problemOf(thrown: unknown): string {
  if (!isSlipwayError(thrown)) throw thrown;
  return messageOf(thrown);
}
