import * as z from 'zod';
import { countSchema, timeSchema } from './scalars.ts';

/** Something changed. Sent as a server-sent event whose `id` is the sequence, so that a reader can go on where it was. */
export interface FleetEvent {
  readonly sequence: number;
  readonly at: string;
  /** `Device`, `Fleet`, `Rollout`, … */
  readonly kind: string;
  readonly name: string;
  readonly what: 'created' | 'changed' | 'deleted';
  /** One line for people. */
  readonly message: string;
  readonly fleet: string | null;
}

export const fleetEventSchema: z.ZodType<FleetEvent> = z
  .object({
    sequence: countSchema,
    at: timeSchema,
    kind: z.string(),
    name: z.string(),
    what: z.enum(['created', 'changed', 'deleted']),
    message: z.string(),
    fleet: z.string().nullable(),
  })
  .meta({ id: 'FleetEvent' });
