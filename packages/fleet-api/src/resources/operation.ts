import * as z from 'zod';
import { timeSchema } from './scalars.ts';

/** Something that takes its time: answered with 202, then looked at here. */
export interface Operation {
  readonly id: string;
  readonly kind: string;
  readonly state: 'running' | 'succeeded' | 'failed';
  readonly target: string | null;
  readonly message: string | null;
  readonly createdAt: string;
  readonly finishedAt: string | null;
}

export const operationSchema: z.ZodType<Operation> = z
  .object({
    id: z.string(),
    kind: z.string(),
    state: z.enum(['running', 'succeeded', 'failed']),
    target: z.string().nullable(),
    message: z.string().nullable(),
    createdAt: timeSchema,
    finishedAt: timeSchema.nullable(),
  })
  .meta({ id: 'Operation' });
