import type { Queries } from '../database/database.ts';

export interface NewTimelineEntry {
  readonly device: string;
  readonly atMs: number;
  readonly what: string;
  readonly message: string;
  readonly release?: string | null;
}

/** Writes down what happened to a device. */
export async function addToTimeline(queries: Queries, entry: NewTimelineEntry): Promise<void> {
  const { device, atMs, what, message, release } = entry;
  await queries
    .insertInto('timeline')
    .values({ device, at_ms: atMs, what, message, release: release ?? null })
    .execute();
}
