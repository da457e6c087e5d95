import * as z from 'zod';
import { type Grant, grantSchema } from './identity.ts';
import { type Permission, permissionSchema } from './permission.ts';
import { nameSchema, timeSchema } from './scalars.ts';

export interface Login {
  readonly user: string;
  readonly password: string;
  /** Default `default`. */
  readonly organisation?: string;
}

export const loginSchema: z.ZodType<Login> = z.strictObject({
  user: nameSchema,
  password: z.string().min(1).max(1024),
  organisation: nameSchema.exactOptional(),
});

/** Who somebody is and what they may. */
export interface Session {
  readonly user: string;
  readonly displayName: string;
  readonly organisation: string;
  readonly systemAdmin: boolean;
  readonly grants: readonly Grant[];
  /** All permissions of all grants: what the page shows. */
  readonly permissions: readonly Permission[];
  readonly expiresAt: string | null;
}

/** An answer to a login. The cookie `slipway_session` is for browsers, `secret` as a bearer token for programs. */
export interface NewSession extends Session {
  readonly secret: string;
  /** To be sent as `slipway-csrf` with every change a page makes by its cookie. */
  readonly csrfToken: string;
}

const sessionShape = {
  user: z.string(),
  displayName: z.string(),
  organisation: nameSchema,
  systemAdmin: z.boolean(),
  grants: z.array(grantSchema),
  permissions: z.array(permissionSchema),
  expiresAt: timeSchema.nullable(),
};
export const sessionSchema: z.ZodType<Session> = z.object(sessionShape).meta({ id: 'Session' });
export const newSessionSchema: z.ZodType<NewSession> = z
  .object({ ...sessionShape, secret: z.string(), csrfToken: z.string() })
  .meta({ id: 'NewSession' });

/** How people can log in here. */
export interface LoginMethods {
  readonly local: boolean;
  readonly oidc: { readonly name: string; readonly url: string } | null;
}
export const loginMethodsSchema: z.ZodType<LoginMethods> = z.object({
  local: z.boolean(),
  oidc: z.object({ name: z.string(), url: z.string() }).nullable(),
});

/** The device flow: a person opens the address and types the code; the program polls. */
export interface DeviceLogin {
  readonly deviceCode: string;
  readonly userCode: string;
  readonly verificationUrl: string;
  readonly intervalSeconds: number;
  readonly expiresAt: string;
}
export const deviceLoginSchema: z.ZodType<DeviceLogin> = z.object({
  deviceCode: z.string(),
  userCode: z.string(),
  verificationUrl: z.string(),
  intervalSeconds: z.int(),
  expiresAt: timeSchema,
});
export interface DeviceLoginPoll {
  readonly deviceCode: string;
}
export const deviceLoginPollSchema: z.ZodType<DeviceLoginPoll> = z.strictObject({
  deviceCode: z
    .string()
    .max(8192)
    .regex(/^[\w.-]+$/, 'must be the device code of the answer'),
});
