/** The accounts of the running deployment: whether its files fit each other, and the numbers the image's files have. */
import { join } from 'node:path';
import type { HostSystem } from '../system.ts';
import { type AccountFiles, staleLines } from './account-consistency.ts';
import { liveFiles, owningDrifts, replaceAccounts } from './account-files.ts';
import type { HostFinding } from './finding.ts';

/**
 * Checks them. Repair takes lines without an account out of `shadow` and `gshadow`; a number that differs is only
 * reported, where files of the image have it: giving an account another number changes who owns files (repair-accounts.ts).
 */
export async function checkAccounts(
  system: HostSystem,
  bootedId: string,
  repair: boolean,
): Promise<readonly HostFinding[]> {
  const here = await liveFiles(system.etc);
  const findings: HostFinding[] = [];
  for (const stale of staleLines(here)) {
    const path = join(system.etc, stale.file);
    const repaired = repair && (await replaceAccounts(path, here[stale.file] ?? '', stale.text));
    const message = `${stale.names.join(', ')} ${stale.names.length === 1 ? 'is' : 'are'} in no other account file: systemd-sysusers cannot make them again`;
    findings.push({ part: 'deployment', kind: 'account-stale', name: path, message, repaired });
  }
  return [...findings, ...(await driftFindings(system, bootedId, here))];
}

async function driftFindings(
  system: HostSystem,
  bootedId: string,
  here: AccountFiles,
): Promise<readonly HostFinding[]> {
  return (await owningDrifts(system, bootedId, here)).map((one) => {
    const { kind, name, inImage, file } = one;
    const message = `the ${kind} has the number ${one.here} here, and ${inImage} in the image: files such as ${file} do not belong to it; slipway repair-accounts gives it the number ${inImage}`;
    return { part: 'deployment', kind: 'account-number', name, message, repaired: false } as const;
  });
}
