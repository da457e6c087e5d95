import type { Lock, ServerCalls } from '@slipway/fleet-api';
import type { RebootLockRow } from '../database/tables.ts';
import { afterOf, limitOf, pageOf } from '../http/cursor.ts';
import type { Handlers } from '../http/handler.ts';
import { notFound } from '../http/problem.ts';
import { reachesFleet } from '../identity/identity.ts';
import { removeLock } from './lock-store.ts';

export const LOCK_HANDLERS: Handlers<Pick<ServerCalls, 'locks.list' | 'locks.release'>> = {
  'locks.list': async ({ query, context }) => {
    const { queries, identity, scope, nowMs } = context;
    // There are as many as there are slots: few.
    const rows = await queries
      .selectFrom('reboot_locks')
      .selectAll()
      .where('organisation', '=', identity.organisation)
      .where('expires_ms', '>', nowMs)
      .execute();
    const words = query.search?.toLowerCase() ?? '';
    const seen = rows
      .filter((row) => reachesFleet(scope, row.fleet) && keyOf(row).toLowerCase().includes(words))
      .toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
    const after = afterOf(query);
    const rest = after === undefined ? seen : seen.filter((row) => keyOf(row) > after);
    const page = rest.slice(0, limitOf(query) + 1);
    return { body: pageOf(page, query, seen.length, keyOf, presentLock) };
  },

  'locks.release': async ({ params, context }) => {
    const { group: fleet, holder } = params;
    const { queries, identity, scope } = context;
    const row = reachesFleet(scope, fleet)
      ? await removeLock(queries, { organisation: identity.organisation, fleet }, holder)
      : undefined;
    if (row === undefined) throw notFound('lock', `${fleet}/${holder}`);
    const message = `${row.owner ?? holder} was taken its reboot lock of ${fleet} by ${identity.actor}`;
    context.announce({ kind: 'Lock', name: holder, what: 'deleted', message, fleet });
    context.audit(`Lock/${fleet}/${holder}`, {
      reason: 'taken away by a person',
      ...(row.owner === null ? {} : { owner: row.owner }),
    });
    return { body: null };
  },
};

/** Fleets have no slash in their names. */
function keyOf({ fleet, holder }: RebootLockRow): string {
  return `${fleet}/${holder}`;
}

function presentLock(row: RebootLockRow): Lock {
  return {
    group: row.fleet,
    holder: row.holder,
    owner: row.owner,
    reason: row.reason,
    acquiredAt: new Date(row.acquired_ms).toISOString(),
    expiresAt: new Date(row.expires_ms).toISOString(),
  };
}
