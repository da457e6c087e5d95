import { SlipwayError } from '@slipway/core';
import {
  BUILT_IN_ROLES,
  type Grant,
  type IdentityCalls,
  type Organisation,
  type OrganisationSpec,
  type Role,
  type RoleSpec,
  type Token,
  type User,
  type UserSpec,
} from '@slipway/fleet-api';
import type { CredentialRow } from '../database/tables.ts';
import { afterOf, limitOf, pageOf } from '../http/cursor.ts';
import type { CallContext, Handlers } from '../http/handler.ts';
import { forbidden, notFound } from '../http/problem.ts';
import { resourceHandlers } from '../resources/resource-handlers.ts';
import { header } from '../resources/resource-store.ts';
import { revokeSshCertificates } from '../ssh/ssh-revocations.ts';
import { checkGrants } from './check-grants.ts';
import { FIRST_ORGANISATION, FIRST_USER, isSystemAdmin } from './credentials.ts';
import { mayGrant, resolveGrant } from './identity.ts';
import { hashPassword } from './password.ts';
import { newSecret, secretHash } from './secret.ts';

const BEGINNING = new Date(0).toISOString();

const users = resourceHandlers<'User', UserSpec, User>({
  kind: 'User',
  noun: 'user',
  present: async ({ metadata, spec }, { queries, identity }) => {
    const row = await queries
      .selectFrom('passwords')
      .select(['origin', 'login_ms'])
      .where('organisation', '=', identity.organisation)
      .where('user', '=', metadata.name)
      .executeTakeFirst();
    const status: User['status'] = {
      origin: row?.origin === 'oidc' ? 'oidc' : 'local',
      lastLoginAt: row?.login_ms == null ? null : new Date(row.login_ms).toISOString(),
    };
    return { ...header('User'), metadata, spec, status };
  },
  keep: async (context, spec, name) => {
    await checkGrants(context, spec.grants);
    const { password, ...kept } = spec;
    if (password !== undefined) await setPassword(context, name, password);
    return kept;
  },
  saved: async (context, after) => {
    context.services.identities.forget();
    if (isSystemAdmin(context.identity.organisation, after.metadata.name) && after.spec.disabled === true) {
      throw forbidden('the first administrator cannot be disabled');
    }
    if (after.spec.disabled === true) await endCredentials(context, after.metadata.name);
  },
  removed: async (context, { metadata }) => {
    if (isSystemAdmin(context.identity.organisation, metadata.name))
      throw forbidden('the first administrator cannot be deleted');
    await endCredentials(context, metadata.name);
    await context.queries
      .deleteFrom('passwords')
      .where('organisation', '=', context.identity.organisation)
      .where('user', '=', metadata.name)
      .execute();
    await context.queries
      .deleteFrom('provider_logins')
      .where('organisation', '=', context.identity.organisation)
      .where('user', '=', metadata.name)
      .execute();
  },
});

/** A new password ends every session that the old one began. */
async function setPassword(context: CallContext, user: string, password: string): Promise<void> {
  const { queries, identity } = context;
  const row = {
    organisation: identity.organisation,
    user,
    hash: await hashPassword(password),
    origin: 'local',
    login_ms: null,
  };
  await queries
    .insertInto('passwords')
    .values(row)
    .onConflict((conflict) => conflict.columns(['organisation', 'user']).doUpdateSet({ hash: row.hash }))
    .execute();
  await queries
    .deleteFrom('credentials')
    .where('organisation', '=', identity.organisation)
    .where('owner', '=', user)
    .where('kind', '=', 'session')
    .execute();
}

async function endCredentials(
  { queries, identity, services, nowMs }: CallContext,
  user: string,
): Promise<void> {
  await queries
    .deleteFrom('credentials')
    .where('organisation', '=', identity.organisation)
    .where('owner', '=', user)
    .execute();
  const { organisation } = identity;
  await revokeSshCertificates(queries, { organisation, kind: 'user', owner: user }, nowMs);
  services.identities.forget();
}

const roles = resourceHandlers<'Role', RoleSpec, Role>({
  kind: 'Role',
  noun: 'role',
  builtIn: () =>
    Object.entries(BUILT_IN_ROLES).map(([name, permissions]) => ({
      metadata: { name, labels: {}, createdAt: BEGINNING, updatedAt: BEGINNING, revision: 0 },
      spec: { permissions },
    })),
  present: (stored) => ({
    ...header('Role'),
    ...stored,
    status: { builtIn: Object.hasOwn(BUILT_IN_ROLES, stored.metadata.name) },
  }),
  saved: async (context, after) => {
    context.services.identities.forget();
    if (!mayGrant(context.identity, resolveGrant({ role: after.metadata.name }, after.spec.permissions))) {
      throw forbidden('nobody can make a role with permissions they do not have themselves');
    }
  },
  removed: async (context) => context.services.identities.forget(),
});

/** Organisations stand beside each other; their records are kept in the first. */
const organisations = resourceHandlers<'Organisation', OrganisationSpec, Organisation>({
  kind: 'Organisation',
  noun: 'organisation',
  builtIn: () => [
    {
      metadata: {
        name: FIRST_ORGANISATION,
        labels: {},
        createdAt: BEGINNING,
        updatedAt: BEGINNING,
        revision: 0,
      },
      spec: {},
    },
  ],
  present: async (stored, context) => ({
    ...header('Organisation'),
    ...stored,
    status: { devices: await devicesIn(context, stored.metadata.name) },
  }),
  removed: async (context, { metadata }) => {
    if ((await devicesIn(context, metadata.name)) > 0) {
      throw new SlipwayError(
        'FLEET_CONFLICT',
        `cannot delete the organisation ${metadata.name}: it has devices`,
        {
          hint: 'decommission them first',
        },
      );
    }
    await context.queries.deleteFrom('credentials').where('organisation', '=', metadata.name).execute();
    await context.queries.deleteFrom('git_repositories').where('organisation', '=', metadata.name).execute();
    await context.queries.deleteFrom('webhooks').where('organisation', '=', metadata.name).execute();
    await context.queries.deleteFrom('ssh_certificates').where('organisation', '=', metadata.name).execute();
    context.services.identities.forget();
  },
});

async function devicesIn({ queries }: CallContext, organisation: string): Promise<number> {
  const row = await queries
    .selectFrom('devices')
    .select((select) => select.fn.countAll<number>().as('count'))
    .where('organisation', '=', organisation)
    .where('lifecycle', '=', 'enrolled')
    .executeTakeFirstOrThrow();
  return row.count;
}

export const IDENTITY_HANDLERS: Handlers<IdentityCalls> = {
  'users.list': users.list,
  'users.get': users.get,
  'users.put': users.put,
  'users.delete': users.delete,
  'roles.list': roles.list,
  'roles.get': roles.get,
  'roles.put': roles.put,
  'roles.delete': roles.delete,
  'organisations.list': async (input) => await organisations.list(inFirst(input)),
  'organisations.get': async (input) => await organisations.get(inFirst(input)),
  'organisations.put': async (input) => await organisations.put(inFirst(input)),
  'organisations.delete': async (input) => await organisations.delete(inFirst(input)),

  'tokens.list': async ({ query, context }) => {
    const rows = await context.queries
      .selectFrom('credentials')
      .selectAll()
      .where('organisation', '=', context.identity.organisation)
      .where('kind', '=', 'token')
      .where('name', '>', afterOf(query) ?? '')
      .orderBy('name')
      .limit(limitOf(query) + 1)
      .execute();
    return { body: pageOf(rows, query, rows.length, ({ name }) => name, presentToken) };
  },

  'tokens.create': async ({ body, context }) => {
    const { queries, identity, nowMs } = context;
    await checkGrants(context, body.grants);
    const taken = await findToken(context, body.name);
    if (taken !== undefined)
      throw new SlipwayError(
        'FLEET_CONFLICT',
        `cannot make the token ${body.name}: there is one of that name`,
      );
    const secret = newSecret('token');
    const row: CredentialRow = {
      hash: secretHash(secret),
      organisation: identity.organisation,
      kind: 'token',
      name: body.name,
      owner: ownerOf(context),
      grants: JSON.stringify(body.grants),
      csrf: null,
      created_ms: nowMs,
      expires_ms: body.expiresAt === undefined ? null : Date.parse(body.expiresAt),
      used_ms: null,
    };
    await queries.insertInto('credentials').values(row).execute();
    context.audit(`Token/${body.name}`, { what: 'created' });
    return { body: { ...presentToken(row), secret } };
  },

  'tokens.delete': async ({ params, context }) => {
    const row = await findToken(context, params.name);
    if (row === undefined) throw notFound('token', params.name);
    await context.queries.deleteFrom('credentials').where('hash', '=', row.hash).execute();
    const { organisation } = context.identity;
    const whose = { organisation, kind: 'user', holder: `token:${row.name}` } as const;
    await revokeSshCertificates(context.queries, whose, context.nowMs);
    context.services.identities.forget();
    context.audit(`Token/${params.name}`, { what: 'deleted' });
    return { body: null };
  },
};

/** The first administrator acting in another organisation owns nothing there: a user of it must. */
function ownerOf({ identity }: CallContext): string {
  if (identity.systemAdmin && identity.organisation !== FIRST_ORGANISATION) {
    throw forbidden('a token belongs to a user of its organisation: make it as one');
  }
  return identity.systemAdmin ? FIRST_USER : identity.user;
}

async function findToken(
  { queries, identity }: CallContext,
  name: string,
): Promise<CredentialRow | undefined> {
  return await queries
    .selectFrom('credentials')
    .selectAll()
    .where('organisation', '=', identity.organisation)
    .where('kind', '=', 'token')
    .where('name', '=', name)
    .executeTakeFirst();
}

function inFirst<Input extends { readonly context: CallContext }>(input: Input): Input {
  const identity = { ...input.context.identity, organisation: FIRST_ORGANISATION };
  return { ...input, context: { ...input.context, identity } };
}

function presentToken(row: CredentialRow): Token {
  const time = (ms: number | null): string | null => (ms === null ? null : new Date(ms).toISOString());
  return {
    name: row.name,
    grants: row.grants === null ? [] : (JSON.parse(row.grants) as Grant[]),
    owner: row.owner,
    createdAt: new Date(row.created_ms).toISOString(),
    expiresAt: time(row.expires_ms),
    lastUsedAt: time(row.used_ms),
  };
}
