/** That a host was bootc's: `state/adopted.json`. While it is there, what bootc left is Slipway's to look after. */
import { type KernelScope, removeFileDurably, writeFileDurably } from '@slipway/boot';
import { formatJsonRecord, type JsonRecord, readJsonRecord } from '../json-record.ts';

/** When a host was taken over. */
export interface AdoptionRecord {
  /** ISO time, UTC. */
  readonly since: string;
}

/** Writes the record. A cut leaves it or not; without it nothing bootc left is removed. */
export async function writeAdoption(path: string, record: AdoptionRecord): Promise<void> {
  await writeFileDurably(path, formatJsonRecord({ version: 1, ...record }));
}

export async function removeAdoption(path: string): Promise<void> {
  await removeFileDurably(path);
}

/** @throws SlipwayError STATE_INVALID when the record is damaged */
export async function readAdoption(path: string): Promise<AdoptionRecord | undefined> {
  return readJsonRecord(path, parseAdoption);
}

/** Whose kernels on the boot partition are to be shared, repaired and removed. */
export function kernelScope(adopted: AdoptionRecord | undefined): KernelScope {
  return { namings: adopted === undefined ? ['slipway'] : ['slipway', 'bootc'] };
}

function parseAdoption({ since }: JsonRecord): AdoptionRecord | undefined {
  return typeof since === 'string' ? { since } : undefined;
}
