import { messageOf } from '@slipway/core';
import type { PolicySpec } from '@slipway/fleet-api';
import { getFrom } from '../outbound/outbound-request.ts';
import type { Services } from '../server/services.ts';

const TIMEOUT_MS = 5000;
const MAX_BYTES = 4 * 2 ** 20;
/** What stands for "nobody knows": a gate that cannot be asked is shut. */
const UNKNOWN = 'alerts cannot be read';

/**
 * Names of alerts that fire, by Alertmanager (`/api/v2/alerts`) or Prometheus (`/api/v1/alerts`), whichever answers at the URL. Both mostly
 * speak plain HTTP in a network of their own, which whoever runs the server has to have allowed.
 */
export async function firingAlerts(
  gate: PolicySpec['alertGate'],
  { outbound, ending, log }: Pick<Services, 'outbound' | 'ending' | 'log'>,
): Promise<readonly string[]> {
  if (gate === undefined) return [];
  try {
    const target = await outbound.resolve(gate.url, { plain: true });
    const bytes = await getFrom(target, MAX_BYTES, {
      headers: { accept: 'application/json' },
      signal: AbortSignal.any([ending, AbortSignal.timeout(TIMEOUT_MS)]),
    });
    return namesOf(JSON.parse(bytes.toString('utf8')) as unknown);
  } catch (thrown) {
    log.debug('cannot read alerts: the gate is shut', { url: gate.url, reason: messageOf(thrown) });
    return [gate.filter ?? UNKNOWN];
  }
}

interface Alert {
  readonly labels?: { readonly alertname?: string };
  readonly state?: string;
  readonly status?: { readonly state?: string };
}

/** Silenced and pending alerts do not fire. */
function namesOf(answer: unknown): readonly string[] {
  const data = (answer as { readonly data?: { readonly alerts?: unknown } } | null)?.data?.alerts ?? answer;
  if (!Array.isArray(data)) return [UNKNOWN];
  return (data as readonly Alert[])
    .filter(({ state, status }) => (state ?? status?.state) === 'firing' || status?.state === 'active')
    .map(({ labels }) => labels?.alertname ?? UNKNOWN);
}
