import * as z from 'zod';
import { type Labels, labelsSchema } from './labels.ts';
import { countSchema, nameSchema, timeSchema } from './scalars.ts';

/** What every resource says first. */
export const API_VERSION = 'slipway/v1';

/** What the server knows about every resource. */
export interface Metadata {
  readonly name: string;
  readonly labels: Labels;
  readonly createdAt: string;
  readonly updatedAt: string;
  /** Counts changes of it; the ETag is this number in quotes. */
  readonly revision: number;
}

/** What a person gives of it. */
export interface MetadataInput {
  readonly name: string;
  readonly labels?: Labels;
}

/** A resource as it is answered: what is wanted (`spec`) and what is (`status`). */
export interface Resource<Kind extends string, Spec, Status> {
  readonly apiVersion: typeof API_VERSION;
  readonly kind: Kind;
  readonly metadata: Metadata;
  readonly spec: Spec;
  readonly status: Status;
}

/** A resource as it is given, in a file or a request: without what only the server knows. */
export interface ResourceInput<Kind extends string, Spec> {
  readonly apiVersion: typeof API_VERSION;
  readonly kind: Kind;
  readonly metadata: MetadataInput;
  readonly spec: Spec;
}

export const metadataSchema: z.ZodType<Metadata> = z.object({
  name: nameSchema,
  labels: labelsSchema,
  createdAt: timeSchema,
  updatedAt: timeSchema,
  revision: countSchema,
});

/** The schema of answers. Fields nobody declared are left out, so nothing leaks by accident. */
export function resourceSchema<Kind extends string, Spec, Status>(
  kind: Kind,
  spec: z.ZodType<Spec>,
  status: z.ZodType<Status>,
): z.ZodType<Resource<Kind, Spec, Status>> {
  const schema = z.object({
    apiVersion: z.literal(API_VERSION),
    kind: z.literal(kind),
    metadata: metadataSchema,
    spec,
    status,
  });
  return schema.meta({ id: kind });
}

/**
 * The schema of what is given. `status` and what the server adds to `metadata` may be there, so that what was read can be edited and
 * given back; they are not looked at.
 */
export function resourceInputSchema<Kind extends string, Spec>(
  kind: Kind,
  spec: z.ZodType<Spec>,
): z.ZodType<ResourceInput<Kind, Spec>> {
  const schema = z
    .strictObject({
      apiVersion: z.literal(API_VERSION),
      kind: z.literal(kind),
      metadata: z.object({ name: nameSchema, labels: labelsSchema.exactOptional() }),
      spec,
      status: z.unknown().exactOptional(),
    })
    .meta({ id: `${kind}Input` });
  return schema;
}
