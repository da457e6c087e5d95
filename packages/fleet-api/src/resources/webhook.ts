import * as z from 'zod';
import { type FleetEvent, fleetEventSchema } from './event.ts';
import { type Resource, type ResourceInput, resourceInputSchema, resourceSchema } from './resource.ts';
import { countSchema, nameSchema, textSchema, timeSchema } from './scalars.ts';

/** An address of somebody else that is told of events. */
export interface WebhookSpec {
  /** `https://…` */
  readonly url: string;
  /** Kinds of events: `Rollout`, `Device`, … Default: these two. */
  readonly kinds?: readonly string[];
  /** Only events of these fleets. */
  readonly fleets?: readonly string[];
  /** Certificates its server is checked with, PEM, instead of those of the system. */
  readonly caCertificate?: string;
  /** Nothing is sent, and nothing kept for later. */
  readonly disabled?: boolean;
  /** What deliveries are signed with: `whsec_` and 24 to 64 bytes in Base64. Only in requests; never answered. */
  readonly secret?: string;
}

export interface WebhookStatus {
  readonly lastDeliveredAt: string | null;
  /** Deliveries in a row that failed. */
  readonly failures: number;
  /** Why the last one failed. */
  readonly reason: string | null;
  readonly nextTryAt: string | null;
}

export type Webhook = Resource<'Webhook', WebhookSpec, WebhookStatus>;
export type WebhookInput = ResourceInput<'Webhook', WebhookSpec>;

const shape = {
  url: z.string().max(2048).refine(isPlainHttps, 'must be https://… without user, password or fragment'),
  kinds: z
    .array(z.string().regex(/^[A-Z][A-Za-z]{0,63}$/, 'must be the name of a kind'))
    .min(1)
    .max(32)
    .exactOptional(),
  fleets: z.array(nameSchema).min(1).max(256).exactOptional(),
  caCertificate: textSchema.exactOptional(),
  disabled: z.boolean().exactOptional(),
};

function isPlainHttps(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, username, password, hash } = new URL(text);
  return protocol === 'https:' && `${username}${password}${hash}` === '';
}

export const webhookSchema: z.ZodType<Webhook> = resourceSchema(
  'Webhook',
  z.object(shape),
  z.object({
    lastDeliveredAt: timeSchema.nullable(),
    failures: countSchema,
    reason: z.string().nullable(),
    nextTryAt: timeSchema.nullable(),
  }),
);
export const webhookInputSchema: z.ZodType<WebhookInput> = resourceInputSchema(
  'Webhook',
  z.strictObject({
    ...shape,
    secret: z
      .string()
      .regex(/^whsec_[A-Za-z0-9+/]{32,88}={0,2}$/, 'must be whsec_ and 24 to 64 bytes in Base64')
      .exactOptional(),
  }),
);

/** What is posted to the address. */
export interface WebhookDelivery {
  readonly webhook: string;
  readonly organisation: string;
  readonly events: readonly FleetEvent[];
}

export const webhookDeliverySchema: z.ZodType<WebhookDelivery> = z.object({
  webhook: nameSchema,
  organisation: nameSchema,
  events: z.array(fleetEventSchema),
});
