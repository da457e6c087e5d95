import type { Queries } from '../database/database.ts';
import type { OperationRow } from '../database/tables.ts';
import type { NewEvent } from '../events/event-hub.ts';

/** Does the next few things of an operation, from its `done` on: how many, and what is told of them. */
export type OperationPart = (
  transaction: Queries,
  operation: OperationRow,
  nowMs: number,
) => Promise<{ readonly count: number; readonly events: readonly NewEvent[] }>;
