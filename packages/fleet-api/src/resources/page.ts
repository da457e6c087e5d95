import * as z from 'zod';
import { countSchema } from './scalars.ts';
import { selectorSchema } from './selector.ts';

/** One page of a list. */
export interface Page<Item> {
  readonly items: readonly Item[];
  /** What to ask for next, as `cursor`; null: this is the last page. */
  readonly nextCursor: string | null;
  /** How many there are on all pages. */
  readonly total: number;
}

/** What every list can be asked. */
export interface ListQuery {
  /** Items of a page; 1 to 1000. */
  readonly limit?: number;
  readonly cursor?: string;
  /** Label selector. */
  readonly selector?: string;
  /** Words to look for in names. */
  readonly search?: string;
}

export const listQueryShape = {
  limit: z.coerce.number().int().min(1).max(1000).exactOptional(),
  cursor: z.string().max(512).exactOptional(),
  selector: selectorSchema.exactOptional(),
  search: z.string().max(128).exactOptional(),
} as const satisfies z.ZodRawShape as {
  readonly limit: z.ZodExactOptional<z.ZodType<number>>;
  readonly cursor: z.ZodExactOptional<z.ZodString>;
  readonly selector: z.ZodExactOptional<z.ZodType<string>>;
  readonly search: z.ZodExactOptional<z.ZodString>;
};

export const listQuerySchema: z.ZodType<ListQuery> = z.strictObject(listQueryShape);

export function pageSchema<Item>(item: z.ZodType<Item>): z.ZodType<Page<Item>> {
  return z.object({
    items: z.array(item),
    nextCursor: z.string().nullable(),
    total: countSchema,
  });
}
