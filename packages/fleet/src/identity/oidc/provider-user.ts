import { SlipwayError } from '@slipway/core';
import { API_VERSION, type UserSpec } from '@slipway/fleet-api';
import { appendAudit } from '../../audit/chain.ts';
import type { Queries } from '../../database/database.ts';
import { recordEvents } from '../../events/event-hub.ts';
import type { CallContext } from '../../http/handler.ts';
import { findResource, saveResource } from '../../resources/resource-store.ts';
import { FIRST_ORGANISATION } from '../credentials.ts';
import type { Person } from './person.ts';

/**
 * The user somebody is here, made at their first login. They are found by issuer and subject alone: whoever can choose their name at the
 * provider must not become a user that has it here. User, link, event and record are one transaction; after a power cut there is all of
 * it or nothing.
 *
 * @throws SlipwayError FLEET_CONFLICT when somebody else has each of their names
 */
export async function userOfPerson(context: CallContext, person: Person): Promise<string> {
  const { database, hub, identities } = context.services;
  const user = await database.transact(
    async (transaction) =>
      (await knownUser(transaction, person)) ?? (await newUser(transaction, context, person)),
  );
  hub.poke();
  // Groups may be others than at the last login.
  identities.forget();
  return user;
}

async function knownUser(
  transaction: Queries,
  { issuer, subject, groups }: Person,
): Promise<string | undefined> {
  const row = await transaction
    .updateTable('provider_logins')
    .set({ groups: JSON.stringify(groups) })
    .where('organisation', '=', FIRST_ORGANISATION)
    .where('issuer', '=', issuer)
    .where('subject', '=', subject)
    .returning('user')
    .executeTakeFirst();
  return row?.user;
}

async function newUser(transaction: Queries, context: CallContext, person: Person): Promise<string> {
  const { nowMs, address } = context;
  const { issuer, subject, groups, displayName } = person;
  const organisation = FIRST_ORGANISATION;
  const user = await freeName(transaction, person);
  const spec: UserSpec = { grants: [], ...(displayName === undefined ? {} : { displayName }) };
  const input = { apiVersion: API_VERSION, kind: 'User', metadata: { name: user }, spec } as const;
  await saveResource(transaction, organisation, input, nowMs);
  await transaction
    .insertInto('passwords')
    .values({ organisation, user, hash: '', origin: 'oidc', login_ms: null })
    .execute();
  await transaction
    .insertInto('provider_logins')
    .values({ organisation, issuer, subject, user, groups: JSON.stringify(groups) })
    .execute();
  const message = `user ${user} was created`;
  await recordEvents(
    transaction,
    [{ organisation, kind: 'User', name: user, what: 'created', message, fleet: null }],
    nowMs,
  );
  await appendAudit(transaction, {
    organisation,
    atMs: nowMs,
    actor: `user:${user}`,
    address,
    action: 'users.put',
    target: `User/${user}`,
    outcome: 'done',
    detail: { what: 'created', issuer, subject },
  });
  return user;
}

async function freeName(transaction: Queries, { names }: Person): Promise<string> {
  for (const name of names) {
    if ((await findResource(transaction, FIRST_ORGANISATION, 'User', name)) === undefined) return name;
  }
  throw new SlipwayError(
    'FLEET_CONFLICT',
    `cannot make a user for this login: there are others named ${names.join(', ')}`,
    { hint: 'an administrator can delete that user, or the identity provider can give another name' },
  );
}
