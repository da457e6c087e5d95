import { join } from 'node:path';
import { SlipwayError } from '@slipway/core';
import { backUpFleet, restoreFleet } from '@slipway/fleet';
import type { CommandContext } from '../command/spec.ts';

interface FleetBackupInput {
  readonly file: string;
  readonly root: string | undefined;
  readonly database: string | undefined;
}

/** `slipway fleet backup FILE`. */
export async function fleetBackup(input: FleetBackupInput, context: CommandContext): Promise<number> {
  const { rows } = await backUpFleet(databaseOf(input), input.file);
  context.print(`wrote ${rows} records to ${input.file}\n`);
  return 0;
}

/** `slipway fleet restore FILE`. */
export async function fleetRestore(input: FleetBackupInput, context: CommandContext): Promise<number> {
  const { rows } = await restoreFleet(databaseOf(input), input.file);
  context.print(`restored ${rows} records\n`);
  return 0;
}

function databaseOf({ root, database }: FleetBackupInput): string {
  if (root !== undefined) return join(root, 'fleet.db');
  if (database !== undefined) return database;
  throw new SlipwayError('USAGE', 'cannot tell which database is meant', {
    hint: 'give --root or --database',
  });
}
