/** What boots: entries, and kernels on the boot partition, compared with the images they came from. */
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import {
  bootDigest,
  bootEntryValue,
  deploymentEntry,
  type EspEntry,
  type KernelPair,
  makeDirectoryDurably,
  removeBootEntry,
  slipwayEntryName,
  writeBootEntry,
  writeFileDurably,
} from '@slipway/boot';
import { findKernel, openRepository, readFile } from '@slipway/composefs';
import { errnoOf, isSlipwayError } from '@slipway/core';
import { listDeployments } from '../choose-deployment.ts';
import { type Deployment, type HostState, highestSequence } from '../deployment.ts';
import { kernelPair } from '../deployment-plan.ts';
import { comparedTree } from '../deployment-tree.ts';
import { during } from '../failure.ts';
import { deploymentTitle } from '../image-file.ts';
import type { HostSystem } from '../system.ts';
import type { HostFinding } from './finding.ts';

/** Where a deployment's kernel is to be. */
interface KernelPlace {
  readonly id: string;
  readonly linux: string;
  readonly initrd: string;
}

const OWN_DIRECTORY = /^\/EFI\/Linux\/slipway-[0-9a-f]+\/(?:linux|initrd)$/;

/**
 * Checks that each deployment has an entry and its very kernel, and that no entry starts what is not there.
 *
 * Repair writes kernels anew from the object store, removes entries that lead nowhere, and gives the running deployment an
 * entry if it has none. Each file is replaced whole: a cut leaves some done and some not.
 */
export async function checkBoot(
  system: HostSystem,
  state: HostState,
  repair: boolean,
): Promise<readonly HostFinding[]> {
  return during('check the boot partition', system.esp, async () => [
    ...(await checkKernels(system, state, repair)),
    ...(await checkDangling(system, state, repair)),
    ...(await checkMissing(system, state, repair)),
  ]);
}

async function checkKernels(
  system: HostSystem,
  state: HostState,
  repair: boolean,
): Promise<readonly HostFinding[]> {
  const findings: HostFinding[] = [];
  const seen = new Set<string>();
  for (const place of kernelPlaces(state)) {
    if (seen.has(place.linux)) continue;
    seen.add(place.linux);
    const wanted = await pairOfImage(system, place.id);
    // The store says what is wrong with the image itself.
    if (wanted === undefined || (await isPair(system, place, wanted))) continue;
    const mayWrite = OWN_DIRECTORY.test(place.linux) && OWN_DIRECTORY.test(place.initrd);
    if (repair && mayWrite) await writePair(system, place, wanted);
    const message = 'kernel or initramfs is missing, or not that of the image';
    const name = dirname(place.linux);
    findings.push({ part: 'boot', kind: 'kernel-damaged', name, message, repaired: repair && mayWrite });
  }
  return findings;
}

function kernelPlaces({ entries, staged, ...state }: HostState): readonly KernelPlace[] {
  const known = new Map(
    listDeployments({ entries, staged, ...state }).map((one) => [one.deployment.id, one]),
  );
  const booting = entries.flatMap(({ id, entry }): readonly KernelPlace[] => {
    const [linux, initrd] = [bootEntryValue(entry, 'linux'), bootEntryValue(entry, 'initrd')];
    if (!known.has(id) || linux === undefined || initrd === undefined) return [];
    return [{ id, linux, initrd }];
  });
  if (staged === undefined) return booting;
  const { deployment: id, kernelDirectory } = staged;
  return [...booting, { id, linux: `${kernelDirectory}/linux`, initrd: `${kernelDirectory}/initrd` }];
}

async function pairOfImage(system: HostSystem, id: string): Promise<KernelPair | undefined> {
  try {
    const repository = await openRepository(system.layout.composefs);
    const pair = kernelPair(findKernel(comparedTree(repository, id)), (node) => readFile(repository, node));
    await bootDigest(pair);
    return pair;
  } catch (thrown) {
    if (!isSlipwayError(thrown)) throw thrown;
    return undefined;
  }
}

async function isPair(
  { esp }: HostSystem,
  { linux, initrd }: KernelPlace,
  wanted: KernelPair,
): Promise<boolean> {
  try {
    const [one, other] = [await fileAt(join(esp, linux)), await fileAt(join(esp, initrd))];
    if (one.sizeBytes !== wanted.linux.sizeBytes || other.sizeBytes !== wanted.initrd.sizeBytes) return false;
    return (await bootDigest({ linux: one, initrd: other })) === (await bootDigest(wanted));
  } catch (thrown) {
    if (errnoOf(thrown) === 'ENOENT' || errnoOf(thrown) === 'EIO') return false;
    throw thrown;
  }
}

async function fileAt(path: string): Promise<KernelPair['linux']> {
  return { sizeBytes: (await stat(path)).size, open: () => createReadStream(path) };
}

async function writePair({ esp }: HostSystem, place: KernelPlace, pair: KernelPair): Promise<void> {
  await makeDirectoryDurably(join(esp, dirname(place.linux)));
  await writeFileDurably(join(esp, place.linux), pair.linux.open());
  await writeFileDurably(join(esp, place.initrd), pair.initrd.open());
}

async function checkDangling(
  system: HostSystem,
  state: HostState,
  repair: boolean,
): Promise<readonly HostFinding[]> {
  const known = new Set(listDeployments(state).map(({ deployment }) => deployment.id));
  const dangling = state.entries.filter(({ id }) => !known.has(id));
  for (const { fileName } of repair ? dangling : []) await removeBootEntry(system.esp, fileName);
  return dangling.map(({ fileName, id }) => ({
    part: 'boot',
    kind: 'entry-dangling',
    name: fileName,
    message: `it starts the deployment ${id}, which is not here`,
    repaired: repair,
  }));
}

async function checkMissing(
  system: HostSystem,
  state: HostState,
  repair: boolean,
): Promise<readonly HostFinding[]> {
  const findings: HostFinding[] = [];
  for (const { deployment, role } of listDeployments(state)) {
    if (deployment.entry !== undefined || role === 'staged') continue;
    const repaired = repair && role === 'booted' && (await writeEntryOf(system, state, deployment));
    const message = 'no boot entry starts it';
    findings.push({ part: 'boot', kind: 'entry-missing', name: deployment.id, message, repaired });
  }
  return findings;
}

/** The running deployment: its kernel is one an entry beside it names, its command line the one it was given. */
async function writeEntryOf(
  system: HostSystem,
  state: HostState,
  { id, origin }: Deployment,
): Promise<boolean> {
  const wanted = await pairOfImage(system, id);
  if (wanted === undefined) return false;
  const kernelDirectory = await directoryOf(system, state.allEntries, id, wanted);
  const given = (await system.commandLine()).trim().split(/\s+/);
  const options = given.filter((word) => !/^(?:initrd|BOOT_IMAGE)=/.test(word)).join(' ');
  const title = deploymentTitle(undefined, origin?.version, id);
  const entry = deploymentEntry({ title, kernelDirectory, options });
  const fileName = slipwayEntryName(highestSequence(state.entries) + 1, 'good');
  await writeBootEntry(system.esp, fileName, entry);
  return true;
}

async function directoryOf(
  system: HostSystem,
  entries: readonly EspEntry[],
  id: string,
  wanted: KernelPair,
): Promise<string> {
  for (const { entry } of entries) {
    const [linux, initrd] = [bootEntryValue(entry, 'linux'), bootEntryValue(entry, 'initrd')];
    if (linux === undefined || initrd === undefined || !OWN_DIRECTORY.test(linux)) continue;
    if (await isPair(system, { id, linux, initrd }, wanted)) return dirname(linux);
  }
  const directory = `/EFI/Linux/slipway-${id}`;
  const place = { id, linux: `${directory}/linux`, initrd: `${directory}/initrd` };
  if (!(await isPair(system, place, wanted))) await writePair(system, place, wanted);
  return directory;
}
