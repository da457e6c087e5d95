/** Whether an app that was just started works. */
import type { AppRevision } from './revision.ts';
import type { AppServices } from './services.ts';
import { unitNames } from './units.ts';

/** How long an app without a health check must run before it counts as working. */
const SETTLE_MS = 5000;
/** How long systemd may take to call it active. */
const START_MS = 120_000;
const POLL_MS = 500;

/**
 * Why the app does not work; undefined when it does. It must be up, not have been started again by itself, and its health check must
 * end with 0; without one it must stay up for five seconds.
 */
export async function appIllness(
  services: AppServices,
  name: string,
  revision: AppRevision,
): Promise<string | undefined> {
  const { app, health } = unitNames(name);
  if (!(await services.start(app))) return await described(services, app, 'it does not start');
  if (revision.kind !== 'app') return undefined;
  const up = await waitUntilActive(services, app);
  if (up !== undefined) return up;
  return revision.health === null
    ? await staysUp(services, app)
    : await passesCheck(services, app, health, revision.health);
}

async function waitUntilActive(services: AppServices, unit: string): Promise<string | undefined> {
  const deadline = services.nowMs() + START_MS;
  for (;;) {
    const gone = await ended(services, unit);
    if (gone !== undefined) return gone;
    if ((await services.state(unit)).activeState === 'active') return undefined;
    if (services.nowMs() > deadline) return await described(services, unit, 'it takes too long to start');
    await services.sleep(POLL_MS);
  }
}

async function staysUp(services: AppServices, unit: string): Promise<string | undefined> {
  const until = services.nowMs() + SETTLE_MS;
  do {
    await services.sleep(POLL_MS);
    const gone = await ended(services, unit);
    if (gone !== undefined) return gone;
  } while (services.nowMs() < until);
  return undefined;
}

async function passesCheck(
  services: AppServices,
  unit: string,
  healthUnit: string,
  { intervalMs, startPeriodMs, retries }: NonNullable<AppRevision['health']>,
): Promise<string | undefined> {
  const started = services.nowMs();
  let failures = 0;
  for (;;) {
    const isWell = await services.start(healthUnit);
    const gone = await ended(services, unit);
    if (gone !== undefined) return gone;
    if (isWell) return undefined;
    if (services.nowMs() - started > startPeriodMs) failures += 1;
    if (failures >= retries) return await described(services, healthUnit, 'its health check fails');
    await services.sleep(intervalMs);
  }
}

async function ended(services: AppServices, unit: string): Promise<string | undefined> {
  const { activeState, restarts, result } = await services.state(unit);
  if (activeState === 'failed' || activeState === 'inactive') {
    return await described(services, unit, `it ended (${result})`);
  }
  return restarts > 0 ? await described(services, unit, 'it ended and was started again') : undefined;
}

async function described(services: AppServices, unit: string, what: string): Promise<string> {
  const words = (await services.lastWords(unit)).split('\n').at(-1) ?? '';
  return words === '' ? what : `${what}: ${words.slice(0, 300)}`;
}
