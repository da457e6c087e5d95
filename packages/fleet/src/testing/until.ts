import { setTimeout as sleep } from 'node:timers/promises';

const PATIENCE_MS = 300_000;

/** Looks until it is there. */
export async function until<Value>(
  look: () => Promise<Value>,
  isThere: (value: Value) => boolean,
): Promise<Value> {
  const endMs = Date.now() + PATIENCE_MS;
  for (;;) {
    const value = await look();
    if (isThere(value)) return value;
    if (Date.now() > endMs) throw new Error(`never came: ${JSON.stringify(value)}`);
    await sleep(100);
  }
}
