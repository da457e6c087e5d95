/** A service manager for tests that runs nothing: a program named `…-bad` fails, any other runs and keeps data. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { appendFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { appPaths } from '../apps/layout.ts';
import type { AppServices, UnitState } from '../apps/services.ts';
import type { HostSystem } from '../system.ts';

/** What tests ask of it. */
export interface TestServices extends AppServices {
  /** Units that run, sorted. */
  running(): readonly string[];
}

/**
 * Each start of a unit appends the name of its program to `log` in the app's data.
 *
 * @param systemd the version it says it is
 */
export function testServices(system: HostSystem, systemd = 257): TestServices {
  const running = new Set<string>();
  const failed = new Set<string>();
  let known = new Map<string, string>();
  let nowMs = 0;
  const state = (unit: string): UnitState => ({
    activeState: running.has(unit) ? 'active' : failed.has(unit) ? 'failed' : 'inactive',
    mainPid: running.has(unit) ? 1 : 0,
    restarts: 0,
    result: failed.has(unit) ? 'exit-code' : 'success',
  });
  return {
    running: () => [...running].toSorted(),
    reload: async () => void (known = currentUnits(system)),
    start: async (unit) => {
      const program = /^ExecStart="?([^" \n]+)/m.exec(known.get(unit) ?? '')?.[1];
      if (program === undefined) return false;
      const name = /^slipway-app-(.*?)(?:-health)?\.service$/.exec(unit)?.[1] ?? '';
      const { data } = appPaths(system.layout, name);
      await mkdir(data, { recursive: true });
      await appendFile(join(data, 'log'), `${program}\n`);
      const works = !program.endsWith('-bad');
      if (!unit.endsWith('-health.service')) (works ? running : failed).add(unit);
      return works;
    },
    stop: async (units) => {
      for (const unit of units) {
        running.delete(unit);
        failed.delete(unit);
      }
    },
    state: async (unit) => state(unit),
    lastWords: async (unit) => `${unit} says no`,
    confinement: async () => null,
    systemdVersion: async () => systemd,
    sleep: async (ms) => void (nowMs += ms),
    nowMs: () => nowMs,
  };
}

function currentUnits(system: HostSystem): Map<string, string> {
  const { apps } = system.layout;
  const units = new Map<string, string>();
  for (const name of existsSync(apps) ? readdirSync(apps) : []) {
    const directory = join(apps, name, 'current/units');
    for (const unit of existsSync(directory) ? readdirSync(directory) : []) {
      units.set(unit, readFileSync(join(directory, unit), 'utf8'));
    }
  }
  return units;
}
