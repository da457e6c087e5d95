import type { RolloutStatus } from '@slipway/fleet-api';
import type { Queries } from '../database/database.ts';
import { standingHold } from '../devices/hold.ts';
import type { Explanation } from '../rollout/types/decision.ts';
import type { RolloutPolicy } from '../rollout/types/policy.ts';
import { WindowCalendar } from '../rollout/windows.ts';
import type { ClientDevice } from './client-device.ts';

export interface RestartQuestion {
  readonly organisation: string;
  readonly fleet: string;
  readonly policy: RolloutPolicy;
  readonly device: ClientDevice | undefined;
  /** Names of alerts that fire, where the policy has a gate. */
  readonly firingAlerts: readonly string[];
  readonly nowMs: number;
}

/** What the fleet has against a restart now: a person, its rollout, an alert, a window that is shut. */
export async function restartHold(
  queries: Queries,
  question: RestartQuestion,
): Promise<Explanation | undefined> {
  const { policy, device, firingAlerts, nowMs } = question;
  const hold = standingHold(device?.hold, nowMs);
  if (hold !== undefined) {
    const { reason, until } = hold;
    return { code: 'held', reason, ...(until === undefined ? {} : { untilMs: Date.parse(until) }) };
  }
  const stopped = await stoppedRollout(queries, question);
  if (stopped !== undefined) return stopped;
  const { alertGate } = policy;
  const alert = firingAlerts.find(
    (name) => alertGate !== undefined && (alertGate.alerts.length === 0 || alertGate.alerts.includes(name)),
  );
  if (alert !== undefined) return { code: 'alert', alert };
  const opening = new WindowCalendar(policy.applyWindows, policy.timeZone).at(device?.timeZone, nowMs);
  if (opening.isOpen) return undefined;
  return { code: 'apply-window', ...(opening.opensMs === undefined ? {} : { opensMs: opening.opensMs }) };
}

async function stoppedRollout(
  queries: Queries,
  { organisation, fleet }: RestartQuestion,
): Promise<Explanation | undefined> {
  const row = await queries
    .selectFrom('rollouts')
    .select(['state', 'status'])
    .where('organisation', '=', organisation)
    .where('fleet', '=', fleet)
    .where('state', 'in', ['paused', 'halted'])
    .executeTakeFirst();
  if (row === undefined) return undefined;
  if (row.state === 'paused') return { code: 'paused' };
  return { code: 'halted', reason: (JSON.parse(row.status) as RolloutStatus).reason ?? 'too many failures' };
}
