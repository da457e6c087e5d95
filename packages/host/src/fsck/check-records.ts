/** The host's own records and its history: whether they are as they were written. */
import { isSlipwayError } from '@slipway/core';
import { appNames, appPaths } from '../apps/layout.ts';
import { listRevisions } from '../apps/revision.ts';
import { findDamagedRecords, setRecordAside } from '../damaged-records.ts';
import { damagedHistoryLines, setHistoryLinesAside } from '../history-damage.ts';
import type { HostSystem } from '../system.ts';
import type { Transaction } from '../transaction.ts';
import type { HostFinding } from './finding.ts';

/** How many line numbers are told. */
const SHOWN_LINES = 10;

/**
 * Finds records and lines that are damaged. Repair puts them aside, under their name with `.damaged` at its end, and says so in the
 * history; what was denied is known from there.
 */
export async function checkRecords(
  transaction: Transaction,
  repair: boolean,
): Promise<readonly HostFinding[]> {
  // The history first: a list that is lost is told by it.
  const history = await checkHistory(transaction, repair);
  const findings: HostFinding[] = [];
  for (const damaged of await findDamagedRecords(transaction.system)) {
    if (repair) await setRecordAside(transaction, damaged);
    const message = `it is not as it was written; ${repair ? '' : 'without it '}${damaged.without}`;
    findings.push({ part: 'state', kind: 'record-damaged', name: damaged.path, message, repaired: repair });
  }
  return [...history, ...findings, ...(await checkRevisions(transaction.system))];
}

/** What an app is can be told by nothing else, so its records stay. */
async function checkRevisions({ layout }: HostSystem): Promise<readonly HostFinding[]> {
  const findings: HostFinding[] = [];
  for (const name of await appNames(layout)) {
    const paths = appPaths(layout, name);
    try {
      await listRevisions(paths);
    } catch (thrown) {
      if (!isSlipwayError(thrown, 'STATE_INVALID')) throw thrown;
      const message = `it is not as it was written: remove ${paths.directory} and install the app again; its data stay`;
      const path = String(thrown.details['path'] ?? paths.directory);
      findings.push({ part: 'state', kind: 'record-damaged', name: path, message, repaired: false });
    }
  }
  return findings;
}

async function checkHistory(
  { system, record }: Transaction,
  repair: boolean,
): Promise<readonly HostFinding[]> {
  const { history } = system.layout;
  const lines = await damagedHistoryLines(history);
  if (lines.length === 0) return [];
  if (repair) await record({ event: 'repaired', reason: await setHistoryLinesAside(history) });
  const shown = lines.slice(0, SHOWN_LINES).join(', ') + (lines.length > SHOWN_LINES ? ', …' : '');
  const message = `passed over, as not what was written: line ${shown}`;
  return [{ part: 'state', kind: 'history-damaged', name: history, message, repaired: repair }];
}
