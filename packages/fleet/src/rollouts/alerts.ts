import type { PolicySpec } from '@slipway/fleet-api';

const TIMEOUT_MS = 5000;
const MAX_BYTES = 4 * 2 ** 20;
/** What stands for "nobody knows": a gate that cannot be asked is shut. */
const UNKNOWN = 'alerts cannot be read';

/** Names of alerts that fire, by Alertmanager (`/api/v2/alerts`) or Prometheus (`/api/v1/alerts`), whichever answers at the URL. */
export async function firingAlerts(
  gate: PolicySpec['alertGate'],
  signal: AbortSignal,
): Promise<readonly string[]> {
  if (gate === undefined) return [];
  try {
    const response = await fetch(gate.url, {
      signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
      redirect: 'error',
      headers: { accept: 'application/json' },
    });
    const text = await response.text();
    if (!response.ok || text.length > MAX_BYTES) return [gate.filter ?? UNKNOWN];
    return namesOf(JSON.parse(text) as unknown);
  } catch {
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
