import type { Queries } from '../database/database.ts';
import type { ChainRow } from '../database/tables.ts';

/** The hash before the first record. */
export const START: string = '0'.repeat(64);

/**
 * Takes the next places of a chain, in the transaction that fills them: the row of the chain puts writers in a line, so no two take one
 * place, and places appear in their order.
 *
 * @returns the last place taken, and the hash of the chain so far
 */
export async function advanceChain(
  transaction: Queries,
  name: string,
  places: number,
): Promise<Pick<ChainRow, 'sequence' | 'hash'>> {
  const advance = async (): Promise<Pick<ChainRow, 'sequence' | 'hash'> | undefined> =>
    await transaction
      .updateTable('chains')
      .set((row) => ({ sequence: row('sequence', '+', places) }))
      .where('name', '=', name)
      .returning(['sequence', 'hash'])
      .executeTakeFirst();
  const advanced = await advance();
  if (advanced !== undefined) return advanced;
  // The first ever.
  await transaction
    .insertInto('chains')
    .values({ name, sequence: 0, hash: START })
    .onConflict((conflict) => conflict.column('name').doNothing())
    .execute();
  return (await advance()) ?? { sequence: places, hash: START };
}
