/** What became of the boot partitions of other disks in this boot: for the status, and to see that nothing changed since. */
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf } from '@slipway/core';
import { asJsonRecord, parseJsonRecord } from '../json-record.ts';
import { writeRunFile } from '../run-file.ts';
import type { HostSystem } from '../system.ts';

/** One of them. */
export interface CopyReport {
  /** `/dev/vdb1` */
  readonly device: string;
  /** Why it is not like the one that is mounted; nothing where it is. */
  readonly reason?: string;
}

/** All of them; there was more than one once, so that none means that the other disks are gone. */
export interface CopiesReport {
  /** What the mounted one holds. */
  readonly sum: string;
  readonly copies: readonly CopyReport[];
}

/** Everyone may read it; gone with the next boot. Its being there is what slipway-boot-copies.service waits for. */
export async function writeCopiesReport(system: HostSystem, report: CopiesReport): Promise<void> {
  await writeRunFile(pathOf(system), `${JSON.stringify(report)}\n`);
}

export async function removeCopiesReport(system: HostSystem): Promise<void> {
  await rm(pathOf(system), { force: true });
}

/** Undefined on a host with one boot partition, and before the boot was recorded. */
export async function readCopiesReport(system: HostSystem): Promise<CopiesReport | undefined> {
  try {
    const { sum, copies } = parseJsonRecord(await readFile(pathOf(system), 'utf8')) ?? {};
    if (typeof sum !== 'string' || !Array.isArray(copies)) return undefined;
    return { sum, copies: copies.flatMap(copyOf) };
  } catch (thrown) {
    if (errnoOf(thrown) === 'ENOENT') return undefined;
    throw thrown;
  }
}

function copyOf(value: unknown): readonly CopyReport[] {
  const { device, reason } = asJsonRecord(value) ?? {};
  if (typeof device !== 'string') return [];
  return [typeof reason === 'string' ? { device, reason } : { device }];
}

function pathOf({ runDirectory }: HostSystem): string {
  return join(runDirectory, 'boot-copies.json');
}
