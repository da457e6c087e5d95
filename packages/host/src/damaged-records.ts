/** Records of a host that are not as they were written: found, and put aside with a line in the history, so that none goes in silence. */
import { rename } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { syncDirectory } from '@slipway/boot';
import { isSlipwayError } from '@slipway/core';
import { readAdoption, writeAdoption } from './adopt/record.ts';
import { appNames, appPaths } from './apps/layout.ts';
import { readPending, readRefused } from './apps/revision.ts';
import { type DeniedImage, readDenied, writeDenied } from './denied.ts';
import { readExpected } from './expected.ts';
import { type HistoryRecord, readHistory } from './history.ts';
import { readJsonRecord } from './json-record.ts';
import { readStaged } from './staged.ts';
import type { HostSystem } from './system.ts';
import type { Transaction } from './transaction.ts';

/** A record that cannot be believed. */
export interface DamagedRecord {
  readonly path: string;
  /** What becomes of the host without it, for people. */
  readonly without: string;
  /** Writes what can be known of it from elsewhere. */
  restore?(): Promise<void>;
}

interface KnownRecord extends DamagedRecord {
  readonly read: () => Promise<unknown>;
}

/** Those of a host that are damaged. Changes nothing. */
export async function findDamagedRecords(system: HostSystem): Promise<readonly DamagedRecord[]> {
  const damaged: DamagedRecord[] = [];
  for (const { read, ...record } of [...hostRecords(system), ...(await appRecords(system))]) {
    try {
      await read();
    } catch (thrown) {
      if (!isSlipwayError(thrown, 'STATE_INVALID')) throw thrown;
      damaged.push(record);
    }
  }
  return damaged;
}

/**
 * Renames one to `….damaged`, for whoever wants to look, and says so in the history. A cut leaves it where it was, or aside with nothing
 * said yet: the name says it.
 */
export async function setRecordAside({ record }: Transaction, damaged: DamagedRecord): Promise<void> {
  const { path, without } = damaged;
  const name = basename(path);
  await rename(path, `${path}.damaged`);
  await syncDirectory(dirname(path));
  await damaged.restore?.();
  await record({
    event: 'repaired',
    reason: `${path} was damaged and was put aside as ${name}.damaged: ${without}`,
  });
}

function hostRecords(system: HostSystem): readonly KnownRecord[] {
  const { staged, expected, denied, failedBoot, fleetLock, adopted, history } = system.layout;
  return [
    { path: staged, read: () => readStaged(staged), without: 'no update is staged; stage it again' },
    {
      path: expected,
      read: () => readExpected(expected),
      without: 'whether the last update or rollback came up is not judged',
    },
    {
      path: denied,
      read: () => readDenied(denied),
      restore: async () => {
        const records = await readHistory(history, Number.MAX_SAFE_INTEGER);
        await writeDenied(denied, deniedOfHistory(records));
      },
      without: 'images are denied that the end of the history says did not come up',
    },
    {
      path: failedBoot,
      read: () => readJsonRecord(failedBoot, (record) => record),
      without: 'only the history tells why the last boot failed',
    },
    {
      path: fleetLock,
      read: () => readJsonRecord(fleetLock, (record) => record),
      without: 'a slot of the fleet lock that this host holds has to be given back at its server',
    },
    {
      path: adopted,
      read: () => readAdoption(adopted),
      restore: async () => {
        const records = await readHistory(history, Number.MAX_SAFE_INTEGER);
        const last = records.findLast(({ event }) => event === 'adopted' || event === 'given-back');
        if (last?.event === 'adopted') await writeAdoption(adopted, { since: last.time });
      },
      without: 'what bootc left on this host is looked after if the history says that it was taken over',
    },
  ];
}

async function appRecords({ layout }: HostSystem): Promise<readonly KnownRecord[]> {
  const names = await appNames(layout);
  return names.flatMap((name) => {
    const paths = appPaths(layout, name);
    return [
      {
        path: paths.pending,
        read: () => readPending(paths),
        without: `whether the last change of the app ${name} works is not judged`,
      },
      {
        path: paths.refused,
        read: () => readRefused(paths),
        without: `images that did not work as the app ${name} are taken again`,
      },
    ];
  });
}

/** Images that were denied and not allowed again since, as far as the history goes back. */
export function deniedOfHistory(records: readonly HistoryRecord[]): readonly DeniedImage[] {
  const denied = new Map<string, DeniedImage>();
  for (const { time, event, deployment, image, version, manifestDigest, reason = '' } of records) {
    if (deployment === undefined) continue;
    if (event === 'allowed') denied.delete(deployment);
    if (event !== 'denied') continue;
    // The newest last, as the list has it.
    denied.delete(deployment);
    denied.set(deployment, { manifestDigest, deployment, image, version, since: time, reason });
  }
  return [...denied.values()];
}
