import { isSlipwayError, messageOf } from '@slipway/core';
import type { OperationRow } from '../database/tables.ts';
import { DECOMMISSION, decommissionPart } from '../devices/decommission-selected.ts';
import { type NewEvent, recordEvents } from '../events/event-hub.ts';
import { DueJobs } from '../server/due-jobs.ts';
import type { Services } from '../server/services.ts';
import type { OperationPart } from './operation-part.ts';
import {
  advanceOperation,
  claimOperation,
  describeOperation,
  dueOperations,
  failOperation,
  releaseOperation,
} from './operation-store.ts';

/** What there is to do for each kind. */
const KINDS: Readonly<Record<string, OperationPart>> = { [DECOMMISSION]: decommissionPart };

/** Somebody else is at it: what the transaction did is taken back. */
class Overtaken extends Error {}

/**
 * Works through operations, part by part, each part with the note of it in one transaction. Any number of replicas may: an operation is
 * at whoever took it, and one whose server is gone goes on at another where it was.
 */
export function runOperations(services: Services): AsyncDisposable {
  const { database, clock, ending, log } = services;
  return new DueJobs({
    due: async (limit) => {
      const rows = await dueOperations(database.reads, clock.nowMs(), limit);
      return rows.map((row) => async () => {
        const claimed = await claimOperation(database, row, clock.nowMs());
        if (claimed !== undefined) await work(services, claimed);
      });
    },
    ending,
    log,
    complaint: 'cannot go on with an operation',
  });
}

async function work(services: Services, claimed: OperationRow): Promise<void> {
  const { database, ending, clock, hub } = services;
  let operation = claimed;
  while (operation.state === 'running') {
    if (ending.aborted) return await releaseOperation(database, operation);
    try {
      operation = await doPart(services, operation);
    } catch (error) {
      if (error instanceof Overtaken) return;
      if (!isSlipwayError(error)) throw error;
      const failed = { ...operation, state: 'failed' };
      await database.transact(async (transaction) => {
        await failOperation(transaction, operation, messageOf(error), clock.nowMs());
        await recordEvents(transaction, [eventOf(failed)], clock.nowMs());
      });
      operation = failed;
    }
    hub.poke();
  }
}

/** A power cut before the commit leaves the part undone, one after it done and noted. */
async function doPart({ database, clock }: Services, operation: OperationRow): Promise<OperationRow> {
  const part = KINDS[operation.kind];
  // One of a newer version, which another replica knows.
  if (part === undefined) throw new Overtaken();
  return await database.transact(async (transaction) => {
    const nowMs = clock.nowMs();
    const { count, events } = await part(transaction, operation, nowMs);
    const after = await advanceOperation(transaction, operation, count, nowMs);
    if (after === undefined) throw new Overtaken();
    await recordEvents(transaction, [...events, eventOf(after)], nowMs);
    return after;
  });
}

function eventOf(operation: OperationRow): NewEvent {
  const { organisation, id } = operation;
  const message = describeOperation(operation);
  return { organisation, kind: 'Operation', name: id, what: 'changed', message, fleet: null };
}
