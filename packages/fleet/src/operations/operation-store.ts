import { randomBytes } from 'node:crypto';
import type { Operation } from '@slipway/fleet-api';
import type { SelectQueryBuilder } from 'kysely';
import type { FleetDatabase, Queries } from '../database/database.ts';
import type { OperationRow, Tables } from '../database/tables.ts';
import type { CallContext } from '../http/handler.ts';

/** Longer than one part of an operation takes: one whose server is gone is taken up by another after this. */
const CLAIM_MS = 60_000;
const KEPT_MS = 30 * 86_400_000;

/** What of an operation is answered; what it works through may be long. */
export type ShownOperation = Omit<OperationRow, 'organisation' | 'address' | 'work' | 'next_ms'>;
export const SHOWN: readonly (keyof ShownOperation)[] = [
  'id',
  'kind',
  'state',
  'target',
  'actor',
  'done',
  'total',
  'message',
  'created_ms',
  'finished_ms',
];

export interface NewOperation {
  readonly kind: string;
  readonly target: string;
  readonly work: object;
  readonly total: number;
}

/** Begins an operation, in the transaction of the request that asks for it. */
export async function beginOperation(
  context: CallContext,
  { kind, target, work, total }: NewOperation,
): Promise<Operation> {
  const { queries, identity, nowMs, address } = context;
  const { organisation, actor } = identity;
  await queries
    .deleteFrom('operations')
    .where('finished_ms', '<', nowMs - KEPT_MS)
    .execute();
  const row: OperationRow = {
    organisation,
    id: randomBytes(12).toString('base64url'),
    kind,
    state: 'running',
    target,
    actor,
    address,
    work: JSON.stringify(work),
    done: 0,
    total,
    message: null,
    created_ms: nowMs,
    finished_ms: null,
    next_ms: 0,
  };
  await queries.insertInto('operations').values(row).execute();
  context.announce({
    kind: 'Operation',
    name: row.id,
    what: 'created',
    message: describeOperation(row),
    fleet: null,
  });
  return presentOperation(row);
}

export function presentOperation(row: ShownOperation): Operation {
  return {
    id: row.id,
    kind: row.kind,
    state: row.state as Operation['state'],
    target: row.target,
    actor: row.actor,
    done: row.done,
    total: row.total,
    message: row.message,
    createdAt: new Date(row.created_ms).toISOString(),
    finishedAt: row.finished_ms === null ? null : new Date(row.finished_ms).toISOString(),
  };
}

/** Operations who asks may see: those of the organisation, or with a limit of scope their own. */
export function selectOperations({
  queries,
  identity,
  scope,
}: CallContext): SelectQueryBuilder<Tables, 'operations', object> {
  const all = queries.selectFrom('operations').where('organisation', '=', identity.organisation);
  return scope.kind === 'all' ? all : all.where('actor', '=', identity.actor);
}

/** Operations nobody is at. */
export async function dueOperations(
  queries: Queries,
  nowMs: number,
  limit: number,
): Promise<readonly Pick<OperationRow, 'organisation' | 'id' | 'next_ms'>[]> {
  return await queries
    .selectFrom('operations')
    .select(['organisation', 'id', 'next_ms'])
    .where('state', '=', 'running')
    .where('next_ms', '<=', nowMs)
    .orderBy('next_ms')
    .limit(limit)
    .execute();
}

/** Takes an operation for oneself; undefined when another replica was first. */
export async function claimOperation(
  database: FleetDatabase,
  { organisation, id, next_ms }: Pick<OperationRow, 'organisation' | 'id' | 'next_ms'>,
  nowMs: number,
): Promise<OperationRow | undefined> {
  return await database.transact(
    async (transaction) =>
      await transaction
        .updateTable('operations')
        .set({ next_ms: nowMs + CLAIM_MS })
        .where('organisation', '=', organisation)
        .where('id', '=', id)
        .where('state', '=', 'running')
        .where('next_ms', '=', next_ms)
        .returningAll()
        .executeTakeFirst(),
  );
}

/**
 * Notes that a part is done, in the transaction that does it, so that no part is done twice whoever is at it.
 *
 * @returns the operation now; undefined: somebody else is at it, and what this transaction did must not be
 */
export async function advanceOperation(
  transaction: Queries,
  { organisation, id, done, total }: OperationRow,
  count: number,
  nowMs: number,
): Promise<OperationRow | undefined> {
  const isFinished = done + count >= total;
  return await transaction
    .updateTable('operations')
    .set({
      done: done + count,
      next_ms: nowMs + CLAIM_MS,
      ...(isFinished ? { state: 'succeeded', finished_ms: nowMs } : {}),
    })
    .where('organisation', '=', organisation)
    .where('id', '=', id)
    .where('state', '=', 'running')
    .where('done', '=', done)
    .returningAll()
    .executeTakeFirst();
}

/** The operation cannot go on. */
export async function failOperation(
  transaction: Queries,
  { organisation, id }: OperationRow,
  message: string,
  nowMs: number,
): Promise<void> {
  await transaction
    .updateTable('operations')
    .set({ state: 'failed', message, finished_ms: nowMs })
    .where('organisation', '=', organisation)
    .where('id', '=', id)
    .execute();
}

/** Lets another, or the next start, take it up at once. */
export async function releaseOperation(
  database: FleetDatabase,
  { organisation, id }: OperationRow,
): Promise<void> {
  await database.transact(
    async (transaction) =>
      await transaction
        .updateTable('operations')
        .set({ next_ms: 0 })
        .where('organisation', '=', organisation)
        .where('id', '=', id)
        .execute(),
  );
}

export function describeOperation({ kind, target, state, done, total }: ShownOperation): string {
  return `operation ${kind} of ${target ?? 'nothing'}: ${state}, ${done} of ${total}`;
}
