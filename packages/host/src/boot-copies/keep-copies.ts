/**
 * A root on several disks has a boot partition on each, so that the machine starts from any. The one it was started from is mounted and
 * changed; the others are made like it after each change (ADR 24).
 */
import {
  type CopyVersion,
  copyEsp,
  type EspContents,
  espSum,
  readCopyVersion,
  readEspContents,
  writeCopyVersion,
} from '@slipway/boot';
import { type Logger, messageOf } from '@slipway/core';
import type { HostSystem } from '../system.ts';
import type { BootCopy } from './mount-copies.ts';
import {
  type CopiesReport,
  type CopyReport,
  readCopiesReport,
  removeCopiesReport,
  writeCopiesReport,
} from './report.ts';

const QUICKLY = { thorough: false } as const;

/**
 * Makes the copies like the partition that is mounted, where anything of it changed since they were; does nothing on a host without copies.
 * What fails is logged and told by the status, and tried again by the next change: an update must not hang on a disk that is there so that
 * one may fail.
 *
 * Cut before the mounted one has its new version: the copies are of the same version as before, and the one that the machine is started from
 * next counts. Cut after it, up to the version of a copy: the mounted one is newer, and the next boot makes the others like it, whichever
 * it is started from. Each copy starts a machine at every step.
 */
export async function keepBootCopies(system: HostSystem, log: Logger): Promise<void> {
  try {
    if (await areCurrent(system)) return;
    const report = await makeCopies(system, log);
    if (report !== undefined) await writeCopiesReport(system, report);
  } catch (thrown) {
    log.warn('the boot partitions of other disks were not brought up to date', { reason: messageOf(thrown) });
  }
}

/** Whether all were made in this boot, and nothing changed since: then none need be mounted. */
async function areCurrent(system: HostSystem): Promise<boolean> {
  const report = await readCopiesReport(system);
  if (report === undefined || report.copies.some(({ reason }) => reason !== undefined)) return false;
  return report.sum === espSum(await readEspContents(system.esp, QUICKLY));
}

/** Undefined where there never were any. */
async function makeCopies(system: HostSystem, log: Logger): Promise<CopiesReport | undefined> {
  await using others = await system.mountBootCopies();
  const { copies } = others;
  const known = await readCopyVersion(system.esp);
  if (copies.length === 0 && known.number === 0) return undefined;
  // Whoever is killed from here on must not leave a report of copies that are no longer so.
  await removeCopiesReport(system);
  const mounted = await readEspContents(system.esp, QUICKLY);
  const version = await versionOf(system, mounted, known, copies);
  system.checkpoint?.('boot-versioned');
  const reports: CopyReport[] = [];
  for (const copy of copies) reports.push(await makeCopy(system, mounted, copy, version, log));
  return { sum: version.sum, copies: reports };
}

/** Above those of all copies, where it holds anything else than when it was given its own. */
async function versionOf(
  { esp }: HostSystem,
  mounted: EspContents,
  known: CopyVersion,
  copies: readonly BootCopy[],
): Promise<CopyVersion> {
  const sum = espSum(mounted);
  const others = await Promise.all(copies.map(numberOf));
  const highest = Math.max(known.number, ...others);
  if (known.sum === sum && known.number === highest) return known;
  const version = { number: highest + 1, sum };
  await writeCopyVersion(esp, version);
  return version;
}

async function numberOf({ esp }: BootCopy): Promise<number> {
  return esp === undefined ? 0 : (await readCopyVersion(esp)).number;
}

async function makeCopy(
  system: HostSystem,
  mounted: EspContents,
  { device, esp, reason }: BootCopy,
  version: CopyVersion,
  log: Logger,
): Promise<CopyReport> {
  const failed = (why: string): CopyReport => {
    log.warn('the boot partition of another disk is not up to date', { device, reason: why });
    return { device, reason: why };
  };
  if (esp === undefined) return failed(reason ?? 'it cannot be mounted');
  try {
    await copyEsp(mounted, await readEspContents(esp, QUICKLY), version);
    system.checkpoint?.('boot-copied');
    return { device };
  } catch (thrown) {
    return failed(messageOf(thrown));
  }
}
