/** Boot entries that are not as they were written, and writing entries anew from what the machine knows. */
import { readFile as readText } from 'node:fs/promises';
import { join } from 'node:path';
import {
  deploymentEntry,
  ESP_PATHS,
  entryOptionSources,
  formatKernelCommandLine,
  type KernelCommandLine,
  type OptionSources,
  readBootEntries,
  withSourcedOptions,
  writeBootEntry,
} from '@slipway/boot';
import { openRepository, readFile } from '@slipway/composefs';
import { isSlipwayError } from '@slipway/core';
import { listDeployments } from '../choose-deployment.ts';
import type { Deployment, HostState } from '../deployment.ts';
import { type ArgumentSources, commandLineAfter, givenCommandLine } from '../deployment-plan.ts';
import { comparedTree, deploymentTree } from '../deployment-tree.ts';
import { deploymentTitle, type FileReader, imagePrettyName } from '../image-file.ts';
import { imageKernelArguments } from '../image-kargs.ts';
import { recordedLocalArguments } from '../local-kargs.ts';
import type { HostSystem } from '../system.ts';
import type { HostFinding } from './finding.ts';
import { directoryOf, pairOfImage } from './kernel-place.ts';

/**
 * Finds entries whose last line says that the others changed since they were written. Repair writes each anew under its name, so that
 * the order of booting and the attempts stay; one of which nobody can tell what it started is left as it is.
 */
export async function checkEntries(
  system: HostSystem,
  state: HostState,
  repair: boolean,
): Promise<readonly HostFinding[]> {
  const { entries, problems } = await readBootEntries(system.esp);
  const damaged = [...entries, ...problems].filter((one) => one.damaged === true);
  const findings: HostFinding[] = [];
  for (const { fileName } of damaged) {
    const sources = entries.find((one) => one.fileName === fileName);
    const meant = repair ? await meantBy(system, state, fileName) : undefined;
    const kept = sources === undefined ? {} : entryOptionSources(sources.entry);
    const repaired = meant !== undefined && (await writeEntryOf(system, state, meant, fileName, kept));
    const message = repaired || !repair ? CHANGED : `${CHANGED}; ${WHAT_TO_DO}`;
    findings.push({ part: 'boot', kind: 'entry-damaged', name: fileName, message, repaired });
  }
  return findings;
}

const CHANGED = 'it is not as it was written: damaged, or edited by hand';
const WHAT_TO_DO = 'stage the image of its deployment again, and delete the entry if the deployment is gone';

/**
 * Writes the entry of a deployment under a name. The one that runs has the command line it was given; another has the same, with the
 * images' difference applied, as when it was staged.
 *
 * @param sources who wants which of the arguments, as far as it is known
 * @returns false where the store no longer has its kernel
 */
export async function writeEntryOf(
  system: HostSystem,
  state: HostState,
  { id, origin }: Deployment,
  fileName: string,
  sources: OptionSources = {},
): Promise<boolean> {
  const wanted = await pairOfImage(system, id);
  const line = await commandLineOf(system, state, id);
  if (wanted === undefined || line === undefined) return false;
  const kernelDirectory = await directoryOf(system, state, id, wanted);
  const options = formatKernelCommandLine(line);
  const repository = await openRepository(system.layout.composefs);
  const prettyName = await imagePrettyName(deploymentTree(repository, id), (node) =>
    readFile(repository, node),
  );
  const title = deploymentTitle(prettyName, origin?.version, id);
  const plain = deploymentEntry({ title, kernelDirectory, options });
  const known = Object.entries(sources).filter(([, value]) => ` ${options} `.includes(` ${value} `));
  const entry =
    known.length === 0 ? plain : withSourcedOptions(plain, { options, sources: Object.fromEntries(known) });
  await writeBootEntry(system.esp, fileName, entry);
  return true;
}

/** Undefined where one of the images cannot be read. */
async function commandLineOf(
  system: HostSystem,
  { booted }: HostState,
  id: string,
): Promise<KernelCommandLine | undefined> {
  const given = await givenCommandLine(system);
  if (id === booted.id) return given;
  try {
    const repository = await openRepository(system.layout.composefs);
    const read: FileReader = (node) => readFile(repository, node);
    const argumentsOf = async (of: string): Promise<ArgumentSources> => ({
      image: await imageKernelArguments(comparedTree(repository, of), system.architecture, read),
      local: await recordedLocalArguments(system, of),
    });
    return commandLineAfter(given, await argumentsOf(booted.id), await argumentsOf(id), id);
  } catch (thrown) {
    if (!isSlipwayError(thrown)) throw thrown;
    return undefined;
  }
}

/** Which deployment a damaged entry was for: its id is still half there, or it is the only one that no other entry starts. */
async function meantBy(
  { esp }: HostSystem,
  state: HostState,
  fileName: string,
): Promise<Deployment | undefined> {
  const text = await readText(join(esp, ESP_PATHS.entries, fileName), 'latin1');
  const started = new Set(state.entries.flatMap(({ id, damaged }) => (damaged === true ? [] : [id])));
  const known = listDeployments(state).filter(({ role }) => role !== 'staged');
  const all = known.map(({ deployment }) => deployment);
  const named = all.filter(({ id }) => halvesOf(id).some((half) => text.includes(half)));
  const lacking = all.filter(({ id }) => !started.has(id));
  return only(named.filter((one) => lacking.includes(one))) ?? only(named) ?? only(lacking);
}

function halvesOf(id: string): readonly string[] {
  return [id.slice(0, id.length / 2), id.slice(id.length / 2)];
}

function only<T>(all: readonly T[]): T | undefined {
  return all.length === 1 ? all[0] : undefined;
}
