import * as z from 'zod';
import { digestSchema, lineSchema } from './scalars.ts';

/** An image by name and digest. */
export interface ImageRef {
  /** `registry.example/shop:v2`; the digest says which bytes are meant. */
  readonly reference: string;
  readonly digest: string;
}

export const imageRefSchema: z.ZodType<ImageRef> = z.object({
  reference: lineSchema.min(1).max(512),
  digest: digestSchema,
});
