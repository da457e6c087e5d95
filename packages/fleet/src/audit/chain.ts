import { hash } from 'node:crypto';
import type { AuditRecord, AuditVerdict } from '@slipway/fleet-api';
import type { Queries } from '../database/database.ts';
import type { AuditRow } from '../database/tables.ts';
import { advanceChain, START } from './advance-chain.ts';

/** What is recorded; place and hash in the chain are added here. */
export interface AuditEntry {
  readonly organisation: string;
  readonly atMs: number;
  readonly actor: string;
  readonly address: string | null;
  readonly action: string;
  readonly target: string | null;
  readonly outcome: AuditRecord['outcome'];
  readonly detail: AuditRecord['detail'];
}

/**
 * Adds a record to the chain of its organisation, in the transaction of the change it tells of: there is none without the other,
 * whenever the power goes. Updating the chain's row makes writers wait for each other, so no two records take one place.
 */
export async function appendAudit(transaction: Queries, entry: AuditEntry): Promise<void> {
  const name = `audit:${entry.organisation}`;
  const { sequence, hash: previous } = await advanceChain(transaction, name, 1);
  const unsigned = {
    organisation: entry.organisation,
    sequence,
    at_ms: entry.atMs,
    actor: entry.actor,
    address: entry.address,
    action: entry.action,
    target: entry.target,
    outcome: entry.outcome,
    detail: JSON.stringify(entry.detail),
    previous_hash: previous,
  };
  const row = { ...unsigned, hash: recordHash(unsigned) };
  await transaction.insertInto('audit').values(row).execute();
  await transaction.updateTable('chains').set({ hash: row.hash }).where('name', '=', name).execute();
}

/** SHA-256 over the fields in this order, as a JSON array: whoever has the records can compute it. */
function recordHash(row: Omit<AuditRow, 'hash'>): string {
  const fields = [
    row.previous_hash,
    row.organisation,
    row.sequence,
    row.at_ms,
    row.actor,
    row.address,
    row.action,
    row.target,
    row.outcome,
    row.detail,
  ];
  return hash('sha256', JSON.stringify(fields), 'hex');
}

const BATCH = 1000;

/** Follows the chain from its start to its head. */
export async function verifyAudit(queries: Queries, organisation: string): Promise<AuditVerdict> {
  let previous = START;
  let records = 0;
  for (;;) {
    const rows = await queries
      .selectFrom('audit')
      .selectAll()
      .where('organisation', '=', organisation)
      .where('sequence', '>', records)
      .orderBy('sequence')
      .limit(BATCH)
      .execute();
    for (const row of rows) {
      const isNext =
        row.sequence === records + 1 && row.previous_hash === previous && row.hash === recordHash(row);
      if (!isNext) return { intact: false, records, brokenAt: records + 1 };
      previous = row.hash;
      records += 1;
    }
    if (rows.length < BATCH) break;
  }
  const head = await queries
    .selectFrom('chains')
    .selectAll()
    .where('name', '=', `audit:${organisation}`)
    .executeTakeFirst();
  const isWhole = head === undefined ? records === 0 : head.sequence === records && head.hash === previous;
  return { intact: isWhole, records, brokenAt: isWhole ? null : records + 1 };
}

export function auditRecordOf(row: AuditRow): AuditRecord {
  return {
    sequence: row.sequence,
    at: new Date(row.at_ms).toISOString(),
    actor: row.actor,
    address: row.address,
    action: row.action,
    target: row.target,
    outcome: row.outcome as AuditRecord['outcome'],
    detail: JSON.parse(row.detail) as AuditRecord['detail'],
    previousHash: row.previous_hash,
    hash: row.hash,
  };
}
