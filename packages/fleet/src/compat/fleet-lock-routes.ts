import type { FleetSpec } from '@slipway/fleet-api';
import type { Queries } from '../database/database.ts';
import type { StoredResource } from '../resources/resource-store.ts';
import { amountOf } from '../rollout/amount.ts';
import type { RolloutPolicy } from '../rollout/types/policy.ts';
import { firingAlerts } from '../rollouts/alerts.ts';
import { enginePolicy } from '../rollouts/engine-policy.ts';
import { policyOf } from '../rollouts/release-fleet.ts';
import { clientFleet } from './client.ts';
import { clientDevice } from './client-device.ts';
import type { CompatCall, CompatRoute } from './compat-route.ts';
import { answerFleetLock, type FleetLockRequest, fleetLockIdentity, type LockGroup } from './fleet-lock.ts';
import { type HttpAnswer, refusal } from './http.ts';
import { rebootLockOf } from './lock-reaper.ts';
import { holdLocks, saveLocks } from './lock-store.ts';
import { restartHold } from './restart-hold.ts';

/** Bodies are about a hundred bytes. */
const MAX_BODY_BYTES = 16 * 1024;
/** Long enough for a slow host and for somebody to look why it did not come back: then another may try. */
const TTL_SECONDS = 4 * 3600;

/** FleetLock, version 1. */
export const FLEET_LOCK_ROUTES: readonly CompatRoute[] = (['pre-reboot', 'steady-state'] as const).map(
  (api) => ({
    id: `compat.fleetLock.${api}`,
    method: 'POST',
    path: `/fleet_lock/v1/${api}`,
    permission: 'locks:write',
    maxBodyBytes: MAX_BODY_BYTES,
    answer: (call) => lock(api, call),
    refuse: refusal,
  }),
);

/** A lock, its record and its event are one transaction: a power cut leaves all of it, and the host its answer, or nothing. */
async function lock(api: FleetLockRequest['api'], call: CompatCall): Promise<HttpAnswer> {
  const { client, services, nowMs, address } = call;
  const { organisation, actor } = client.identity;
  const request = requestOf(api, call);
  const identity = fleetLockIdentity(request);
  if ('answer' in identity) return identity.answer;
  const fleet = await clientFleet(services.database.reads, client, identity.group);
  if (fleet === undefined) return answerFleetLock(request, { groups: [], locks: [], nowMs }).answer;
  const policySpec = await policyOf(services.database.reads, organisation, fleet.spec);
  // The network is asked before the transaction, which must be short.
  const alerts = api === 'pre-reboot' ? await firingAlerts(policySpec.alertGate, services) : [];
  const { name } = fleet.metadata;
  const answer = await services.database.transact(async (transaction) => {
    const rows = await holdLocks(transaction, organisation, name);
    const policy = enginePolicy(policySpec);
    const device = await clientDevice(transaction, organisation, name, identity.id);
    const question = { organisation, fleet: name, policy, device, firingAlerts: alerts, nowMs };
    const hold = api === 'pre-reboot' ? await restartHold(transaction, question) : undefined;
    const result = answerFleetLock(request, {
      groups: [await groupOf(transaction, organisation, identity.group, fleet, policy)],
      locks: rows.map((row) => rebootLockOf(row, identity.group)),
      nowMs,
      hold: () => hold,
      ownerOf: () => device?.name,
    });
    const change = { organisation, fleet: name, actor, address };
    await saveLocks(transaction, change, result.events, rows, result.locks);
    return result.answer;
  });
  services.hub.poke();
  return answer;
}

function requestOf(api: FleetLockRequest['api'], { headers, body }: CompatCall): FleetLockRequest {
  const header = headers['fleet-lock-protocol'];
  return {
    api,
    protocolHeader: typeof header === 'string' ? header : undefined,
    body: Buffer.from(body).toString('utf8'),
  };
}

/** As many slots as the fleet says, or as its policy lets devices be under way. */
async function groupOf(
  queries: Queries,
  organisation: string,
  name: string,
  { metadata, spec }: StoredResource<FleetSpec>,
  { maxConcurrent }: RolloutPolicy,
): Promise<LockGroup> {
  const { slots, ttlSeconds = TTL_SECONDS } = spec.rebootLocks ?? {};
  return {
    name,
    slots: slots ?? Math.max(1, amountOf(maxConcurrent ?? {}, await size(), Math.floor) ?? 1),
    ttlMs: ttlSeconds * 1000,
  };

  async function size(): Promise<number> {
    const row = await queries
      .selectFrom('devices')
      .select((select) => select.fn.countAll<number>().as('count'))
      .where('organisation', '=', organisation)
      .where('fleet', '=', metadata.name)
      .where('lifecycle', '=', 'enrolled')
      .executeTakeFirstOrThrow();
    return row.count;
  }
}
