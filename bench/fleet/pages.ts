import type { FleetClient } from '@slipway/fleet-api';
import { FLEET } from './enrol-devices.ts';

const TIMES = 5;

/** What the pages of people ask at this size, each in the slowest of a few times, milliseconds. */
export async function slowestPages(admin: FleetClient): Promise<Readonly<Record<string, number>>> {
  const asked: Readonly<Record<string, () => Promise<unknown>>> = {
    overview: () => admin.call('overview.get', {}),
    devices: () => admin.call('devices.list', { query: { limit: 100 } }),
    'devices of a label': () =>
      admin.call('devices.list', { query: { limit: 100, selector: 'stage=canary' } }),
    'devices of a name': () => admin.call('devices.list', { query: { limit: 100, search: 'bench-77' } }),
    fleets: () => admin.call('fleets.list', { query: {} }),
    fleet: () => admin.call('fleets.get', { params: { name: FLEET } }),
    releases: () => admin.call('releases.list', { query: {} }),
    audit: () => admin.call('audit.list', { query: { limit: 100 } }),
  };
  const slowest: Record<string, number> = {};
  for (const [page, ask] of Object.entries(asked)) {
    for (let time = 0; time < TIMES; time += 1) {
      const beganMs = performance.now();
      await ask();
      slowest[page] = Math.max(slowest[page] ?? 0, Math.round((performance.now() - beganMs) * 10) / 10);
    }
  }
  return slowest;
}
