import * as z from 'zod';
import { countSchema, timeSchema } from './scalars.ts';

/** One change: who, what, from where. Records are only ever added, each with the hash of the one before it. */
export interface AuditRecord {
  readonly sequence: number;
  readonly at: string;
  /** `user:anna`, `token:ci`, `device:…`, `system`. */
  readonly actor: string;
  readonly address: string | null;
  /** Name of the route or of what the server did: `fleets.put`, `rollout.halted`. */
  readonly action: string;
  /** `Fleet/shops` */
  readonly target: string | null;
  readonly outcome: 'done' | 'refused' | 'failed';
  readonly detail: Readonly<Record<string, string | number | boolean | null>>;
  readonly previousHash: string;
  /** SHA-256 of the record before it and of this one. */
  readonly hash: string;
}

export const auditRecordSchema: z.ZodType<AuditRecord> = z
  .object({
    sequence: countSchema,
    at: timeSchema,
    actor: z.string(),
    address: z.string().nullable(),
    action: z.string(),
    target: z.string().nullable(),
    outcome: z.enum(['done', 'refused', 'failed']),
    detail: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()])),
    previousHash: z.string(),
    hash: z.string(),
  })
  .meta({ id: 'AuditRecord' });

/** Whether the chain of records holds. */
export interface AuditVerdict {
  readonly intact: boolean;
  readonly records: number;
  /** The first record that was changed or is missing. */
  readonly brokenAt: number | null;
}

export const auditVerdictSchema: z.ZodType<AuditVerdict> = z.object({
  intact: z.boolean(),
  records: countSchema,
  brokenAt: countSchema.nullable(),
});
