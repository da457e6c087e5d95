/** The boot partitions of the other disks, compared with the one that is mounted to the last byte. */
import { copyDifferences, copyEsp, type EspContents, readCopyVersion, readEspContents } from '@slipway/boot';
import { messageOf } from '@slipway/core';
import type { BootCopy } from '../boot-copies/mount-copies.ts';
import type { HostSystem } from '../system.ts';
import type { HostFinding } from './finding.ts';

const ALL = { thorough: true } as const;
/** More differences than these are only counted. */
const TOLD = 3;

/** Finds copies that are not like it. Repair makes them so; a cut in between leaves copies that start the machine. */
export async function checkCopies(system: HostSystem, repair: boolean): Promise<readonly HostFinding[]> {
  await using others = await system.mountBootCopies();
  const { copies } = others;
  if (copies.length === 0) return [];
  const mounted = await readEspContents(system.esp, ALL);
  const findings: HostFinding[] = [];
  for (const copy of copies) {
    const finding = await checkCopy(system, mounted, copy, repair);
    if (finding !== undefined) findings.push(finding);
  }
  return findings;
}

async function checkCopy(
  system: HostSystem,
  mounted: EspContents,
  { device, esp, reason }: BootCopy,
  repair: boolean,
): Promise<HostFinding | undefined> {
  const found = { part: 'boot', kind: 'copy-differs', name: device } as const;
  if (esp === undefined) return { ...found, message: reason ?? 'it cannot be mounted', repaired: false };
  try {
    const copy = await readEspContents(esp, ALL);
    const differences = copyDifferences(mounted, copy);
    if (differences.length === 0) return undefined;
    if (repair) await copyEsp(mounted, copy, await readCopyVersion(system.esp));
    const more = differences.length > TOLD ? ` and ${differences.length - TOLD} more` : '';
    const message = `${differences.slice(0, TOLD).join(', ')}${more}`;
    return { ...found, message, repaired: repair };
  } catch (thrown) {
    return { ...found, message: messageOf(thrown), repaired: false };
  }
}
