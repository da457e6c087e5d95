import {
  type Organisation,
  type OrganisationInput,
  organisationInputSchema,
  organisationSchema,
  type Role,
  type RoleInput,
  roleInputSchema,
  roleSchema,
  type User,
  type UserInput,
  userInputSchema,
  userSchema,
} from '../resources/identity.ts';
import {
  type NewToken,
  newTokenSchema,
  type Token,
  type TokenInput,
  tokenInputSchema,
  tokenSchema,
} from '../resources/token.ts';
import {
  type DeleteCall,
  deleteRoute,
  type GetCall,
  getRoute,
  type ListCall,
  listRoute,
  type PutCall,
  putRoute,
} from './crud.ts';
import { may, type RouteTable } from './route.ts';

/** Users, roles, tokens, organisations. */
export interface IdentityCalls {
  readonly 'users.list': ListCall<User>;
  readonly 'users.get': GetCall<User>;
  readonly 'users.put': PutCall<UserInput, User>;
  readonly 'users.delete': DeleteCall;
  readonly 'roles.list': ListCall<Role>;
  readonly 'roles.get': GetCall<Role>;
  readonly 'roles.put': PutCall<RoleInput, Role>;
  readonly 'roles.delete': DeleteCall;
  readonly 'tokens.list': ListCall<Token>;
  readonly 'tokens.create': { readonly body: TokenInput; readonly response: NewToken };
  readonly 'tokens.delete': DeleteCall;
  readonly 'organisations.list': ListCall<Organisation>;
  readonly 'organisations.get': GetCall<Organisation>;
  readonly 'organisations.put': PutCall<OrganisationInput, Organisation>;
  readonly 'organisations.delete': DeleteCall;
}

const USERS = { path: 'users', tag: 'Identity', one: 'a user', many: 'users', schema: userSchema } as const;
const ROLES = { path: 'roles', tag: 'Identity', one: 'a role', many: 'roles', schema: roleSchema } as const;
const TOKENS = {
  path: 'tokens',
  tag: 'Identity',
  one: 'a token',
  many: 'tokens',
  schema: tokenSchema,
} as const;
const ORGANISATIONS = {
  path: 'organisations',
  tag: 'Identity',
  one: 'an organisation',
  many: 'organisations',
  schema: organisationSchema,
} as const;

export const IDENTITY_ROUTES: RouteTable<IdentityCalls> = {
  'users.list': listRoute({ ...USERS, permission: 'users:read' }),
  'users.get': getRoute({ ...USERS, permission: 'users:read' }),
  'users.put': putRoute({ ...USERS, permission: 'users:write' }, userInputSchema),
  'users.delete': deleteRoute({ ...USERS, permission: 'users:write' }),
  'roles.list': listRoute({ ...ROLES, permission: 'roles:read' }),
  'roles.get': getRoute({ ...ROLES, permission: 'roles:read' }),
  'roles.put': putRoute({ ...ROLES, permission: 'roles:write' }, roleInputSchema),
  'roles.delete': deleteRoute({ ...ROLES, permission: 'roles:write' }),
  'tokens.list': listRoute({ ...TOKENS, permission: 'tokens:read' }),
  'tokens.create': {
    method: 'POST',
    path: '/api/v1/tokens',
    tag: 'Identity',
    summary: 'make a token for a program; its secret is shown once',
    access: may('tokens:write'),
    status: 201,
    body: tokenInputSchema,
    response: newTokenSchema,
    refusals: [409, 422],
    headers: ['idempotency-key'],
  },
  'tokens.delete': deleteRoute({ ...TOKENS, permission: 'tokens:write' }),
  'organisations.list': listRoute({ ...ORGANISATIONS, permission: 'organisations:read' }),
  'organisations.get': getRoute({ ...ORGANISATIONS, permission: 'organisations:read' }),
  'organisations.put': putRoute(
    { ...ORGANISATIONS, permission: 'organisations:write' },
    organisationInputSchema,
  ),
  'organisations.delete': deleteRoute({ ...ORGANISATIONS, permission: 'organisations:write' }),
};
