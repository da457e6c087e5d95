import * as z from 'zod';
import { type Grant, grantSchema } from './identity.ts';
import { nameSchema, timeSchema } from './scalars.ts';

/** A token for programs. It never may more than who made it. */
export interface TokenInput {
  readonly name: string;
  readonly grants: readonly Grant[];
  readonly expiresAt?: string;
}

export interface Token {
  readonly name: string;
  readonly grants: readonly Grant[];
  readonly owner: string;
  readonly createdAt: string;
  readonly expiresAt: string | null;
  readonly lastUsedAt: string | null;
}

/** The one answer with the secret in it. */
export interface NewToken extends Token {
  readonly secret: string;
}

export const tokenInputSchema: z.ZodType<TokenInput> = z.strictObject({
  name: nameSchema,
  grants: z.array(grantSchema).min(1).max(64),
  expiresAt: timeSchema.exactOptional(),
});

const shape = {
  name: nameSchema,
  grants: z.array(grantSchema),
  owner: z.string(),
  createdAt: timeSchema,
  expiresAt: timeSchema.nullable(),
  lastUsedAt: timeSchema.nullable(),
};
export const tokenSchema: z.ZodType<Token> = z.object(shape).meta({ id: 'Token' });
export const newTokenSchema: z.ZodType<NewToken> = z
  .object({ ...shape, secret: z.string() })
  .meta({ id: 'NewToken' });
