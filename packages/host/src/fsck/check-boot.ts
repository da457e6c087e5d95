/** What boots: boot loader, entries, and kernels on the boot partition, compared with the images they came from. */
import { dirname } from 'node:path';
import { bootEntryValue, kernelPaths, removeBootEntry, slipwayEntryName } from '@slipway/boot';
import { listDeployments } from '../choose-deployment.ts';
import { type HostState, highestSequence, readHostState } from '../deployment.ts';
import { during } from '../failure.ts';
import type { HostSystem } from '../system.ts';
import { checkCopies } from './check-copies.ts';
import { checkEntries, writeEntryOf } from './check-entries.ts';
import { checkLoader } from './check-loader.ts';
import type { HostFinding } from './finding.ts';
import { isOwnPlace, isPair, type KernelPlace, pairOfImage, writePair } from './kernel-place.ts';

/**
 * Checks that entries are as they were written, that each deployment has one and its very kernel, that none starts what is not there, and
 * that the boot partitions of other disks are the same.
 *
 * Repair writes damaged entries anew, and kernels from the object store; it removes entries that lead nowhere, and gives the running
 * deployment an entry if it has none. Each file is replaced whole: a cut leaves some done and some not.
 */
export async function checkBoot(
  system: HostSystem,
  state: HostState,
  repair: boolean,
): Promise<readonly HostFinding[]> {
  return during('check the boot partition', system.esp, async () => {
    const damaged = await checkEntries(system, state, repair);
    const now = repair && damaged.length > 0 ? await readHostState(system) : state;
    return [
      ...damaged,
      ...(await checkKernels(system, now, repair)),
      ...(await checkDangling(system, now, repair)),
      ...(await checkMissing(system, now, repair)),
      ...(await checkLoader(system, now, repair)),
      // Last: of what is right by now.
      ...(await checkCopies(system, repair)),
    ];
  });
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
    const mayWrite = isOwnPlace(place, state.adopted);
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
  const booting = entries.flatMap(({ id, entry, damaged }): readonly KernelPlace[] => {
    const [linux, initrd] = [bootEntryValue(entry, 'linux'), bootEntryValue(entry, 'initrd')];
    if (damaged === true || !known.has(id) || linux === undefined || initrd === undefined) return [];
    return [{ id, linux, initrd }];
  });
  if (staged === undefined) return booting;
  const { deployment: id, kernelDirectory } = staged;
  return [...booting, { id, ...kernelPaths(kernelDirectory) }];
}

async function checkDangling(
  system: HostSystem,
  state: HostState,
  repair: boolean,
): Promise<readonly HostFinding[]> {
  const known = new Set(listDeployments(state).map(({ deployment }) => deployment.id));
  const dangling = state.entries.filter(({ id, damaged }) => damaged !== true && !known.has(id));
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
    const fileName = slipwayEntryName(highestSequence(state.entries) + 1, 'good');
    const repaired = repair && role === 'booted' && (await writeEntryOf(system, state, deployment, fileName));
    const message = 'no boot entry starts it';
    findings.push({ part: 'boot', kind: 'entry-missing', name: deployment.id, message, repaired });
  }
  return findings;
}
