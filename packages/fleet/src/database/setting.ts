import type { FleetDatabase } from './database.ts';

/**
 * A setting of all replicas, such as a key: made by whichever comes first, and as it was made from then on. A power cut before the commit
 * leaves none, and the next start makes another: nothing was done with the one that was lost.
 */
export async function settingMadeOnce(database: FleetDatabase, name: string, made: string): Promise<string> {
  const { value } = await database.transact(async (transaction) => {
    await transaction
      .insertInto('settings')
      .values({ name, value: made })
      .onConflict((conflict) => conflict.column('name').doNothing())
      .execute();
    return await transaction
      .selectFrom('settings')
      .select('value')
      .where('name', '=', name)
      .executeTakeFirstOrThrow();
  });
  return value;
}
