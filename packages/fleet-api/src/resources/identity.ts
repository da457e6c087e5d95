import * as z from 'zod';
import { type Permission, permissionSchema } from './permission.ts';
import { type Resource, type ResourceInput, resourceInputSchema, resourceSchema } from './resource.ts';
import { lineSchema, nameSchema, timeSchema } from './scalars.ts';
import { selectorSchema } from './selector.ts';

/** A role, for all of an organisation or for some of it. */
export interface Grant {
  /** `viewer`, `operator`, `approver`, `admin`, or one of the organisation's own. */
  readonly role: string;
  /** Only these fleets and their devices, releases and rollouts. */
  readonly fleets?: readonly string[];
  /** Only devices whose labels match. */
  readonly selector?: string;
}

export const grantSchema: z.ZodType<Grant> = z.strictObject({
  role: nameSchema,
  fleets: z.array(nameSchema).max(256).exactOptional(),
  selector: selectorSchema.exactOptional(),
});

export interface UserSpec {
  readonly displayName?: string;
  readonly grants: readonly Grant[];
  readonly disabled?: boolean;
  /** Only in requests; never answered. */
  readonly password?: string;
}

export interface UserStatus {
  readonly origin: 'local' | 'oidc';
  readonly lastLoginAt: string | null;
}

export type User = Resource<'User', UserSpec, UserStatus>;
export type UserInput = ResourceInput<'User', UserSpec>;

const userShape = {
  displayName: lineSchema.exactOptional(),
  grants: z.array(grantSchema).max(64),
  disabled: z.boolean().exactOptional(),
};
export const passwordSchema: z.ZodString = z.string().min(10, 'must have 10 characters').max(1024);

export const userSchema: z.ZodType<User> = resourceSchema(
  'User',
  z.object(userShape),
  z.object({ origin: z.enum(['local', 'oidc']), lastLoginAt: timeSchema.nullable() }),
);
export const userInputSchema: z.ZodType<UserInput> = resourceInputSchema(
  'User',
  z.strictObject({ ...userShape, password: passwordSchema.exactOptional() }),
);

export interface RoleSpec {
  readonly description?: string;
  readonly permissions: readonly Permission[];
  /** Groups of the identity provider whose members have it. */
  readonly groups?: readonly string[];
}

export interface RoleStatus {
  readonly builtIn: boolean;
}

export type Role = Resource<'Role', RoleSpec, RoleStatus>;
export type RoleInput = ResourceInput<'Role', RoleSpec>;

const roleSpecSchema: z.ZodType<RoleSpec> = z.strictObject({
  description: lineSchema.exactOptional(),
  permissions: z.array(permissionSchema).max(64),
  groups: z.array(lineSchema.min(1)).max(64).exactOptional(),
});
export const roleSchema: z.ZodType<Role> = resourceSchema(
  'Role',
  roleSpecSchema,
  z.object({ builtIn: z.boolean() }),
);
export const roleInputSchema: z.ZodType<RoleInput> = resourceInputSchema('Role', roleSpecSchema);

export interface OrganisationSpec {
  readonly displayName?: string;
}
export interface OrganisationStatus {
  readonly devices: number;
}
export type Organisation = Resource<'Organisation', OrganisationSpec, OrganisationStatus>;
export type OrganisationInput = ResourceInput<'Organisation', OrganisationSpec>;

const organisationSpecSchema: z.ZodType<OrganisationSpec> = z.strictObject({
  displayName: lineSchema.exactOptional(),
});
export const organisationSchema: z.ZodType<Organisation> = resourceSchema(
  'Organisation',
  organisationSpecSchema,
  z.object({ devices: z.int().min(0) }),
);
export const organisationInputSchema: z.ZodType<OrganisationInput> = resourceInputSchema(
  'Organisation',
  organisationSpecSchema,
);
