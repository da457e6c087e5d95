import * as z from 'zod';
import { countSchema, lineSchema, nameSchema, timeSchema } from './scalars.ts';
import { selectorSchema } from './selector.ts';

/** Something that takes its time: answered with 202, then looked at here, or followed by events of its name. */
export interface Operation {
  readonly id: string;
  readonly kind: string;
  readonly state: 'running' | 'succeeded' | 'failed';
  /** What it is about, as who asked said it. */
  readonly target: string | null;
  /** Who asked. */
  readonly actor: string;
  /** Of so many, so many are done. */
  readonly done: number;
  readonly total: number;
  readonly message: string | null;
  readonly createdAt: string;
  readonly finishedAt: string | null;
}

/** Which devices are meant; at least one of the first two. */
export interface DeviceSelection {
  readonly selector?: string;
  readonly fleet?: string;
  /** How many they are: when they are not so many any more, nothing is done. */
  readonly expected?: number;
  readonly reason?: string;
}

export const operationSchema: z.ZodType<Operation> = z
  .object({
    id: z.string(),
    kind: z.string(),
    state: z.enum(['running', 'succeeded', 'failed']),
    target: z.string().nullable(),
    actor: z.string(),
    done: countSchema,
    total: countSchema,
    message: z.string().nullable(),
    createdAt: timeSchema,
    finishedAt: timeSchema.nullable(),
  })
  .meta({ id: 'Operation' });

export const deviceSelectionSchema: z.ZodType<DeviceSelection> = z
  .strictObject({
    selector: selectorSchema.exactOptional(),
    fleet: nameSchema.exactOptional(),
    expected: countSchema.exactOptional(),
    reason: lineSchema.exactOptional(),
  })
  .refine(
    ({ selector = '', fleet }) => selector.trim() !== '' || fleet !== undefined,
    'must have a selector or a fleet',
  );
