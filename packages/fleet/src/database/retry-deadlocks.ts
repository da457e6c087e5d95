/** SQLSTATE of PostgreSQL: `deadlock_detected`, and `serialization_failure`. */
const MADE_AGAIN: ReadonlySet<unknown> = new Set(['40P01', '40001']);
const MAX_TRIES = 5;

/**
 * Makes a transaction again that PostgreSQL ended because it and another waited for each other. Nothing of it was committed, so whatever
 * it does to the database it does once; what it does elsewhere it must be able to do twice.
 */
export async function retryDeadlocks<Result>(transact: () => Promise<Result>): Promise<Result> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await transact();
    } catch (error) {
      const { code } = error as { readonly code?: unknown };
      if (tries === MAX_TRIES || !MADE_AGAIN.has(code)) throw error;
    }
  }
}
