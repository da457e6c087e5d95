/** The grammar of containers-signature(5), "The JSON format of a signature". Apart, because zod costs 30 ms to load. */
import * as z from 'zod';

/** A payload as it is written. */
export interface PayloadJson {
  readonly critical: {
    readonly type: string;
    readonly image: { readonly 'docker-manifest-digest': string };
    readonly identity: { readonly 'docker-reference': string };
  };
  readonly optional?: Readonly<Record<string, unknown>> | null | undefined;
}

export const payloadSchema: z.ZodType<PayloadJson> = z.strictObject({
  critical: z.strictObject({
    type: z.string(),
    image: z.strictObject({ 'docker-manifest-digest': z.string() }),
    identity: z.strictObject({ 'docker-reference': z.string() }),
  }),
  optional: z.record(z.string(), z.unknown()).nullish(),
});
