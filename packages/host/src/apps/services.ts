/** The few things asked of systemd about the units of apps. */
import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { errnoOf, type Operation, type OperationOptions, operation, run } from '@slipway/core';
import { parseSystemdVersion } from '../systemd-version.ts';

/** A unit as systemd sees it now. */
export interface UnitState {
  /** `active`, `activating`, `inactive`, `failed`, … */
  readonly activeState: string;
  /** How often it was started again by itself. */
  readonly restarts: number;
  /** Of its main process; 0 while it has none. */
  readonly mainPid: number;
  /** `success`, or why it ended: `exit-code`, `signal`, `timeout`, … */
  readonly result: string;
}

/** What AppArmor calls the way it confines a process. */
export interface AppArmorLabel {
  readonly profile: string;
  /** `enforce`, or `complain` where breaches are only logged. */
  readonly mode: string;
}

/** The service manager of a host. */
export interface AppServices {
  /** Reads the units of the current revisions anew. */
  reload(): Promise<void>;
  /** Starts a unit and waits until it is up or has failed; false when it failed. */
  start(unit: string): Promise<boolean>;
  /** Stops units, in this order; those that do not run are fine. */
  stop(units: readonly string[]): Promise<void>;
  state(unit: string): Promise<UnitState>;
  /** What a unit said last, for people. */
  lastWords(unit: string): Promise<string>;
  /** How AppArmor confines a process; null where it does not. */
  confinement(pid: number): Promise<AppArmorLabel | null>;
  /** Of the one that is installed: `257`. */
  systemdVersion(): Promise<number>;
  sleep(ms: number): Promise<void>;
  nowMs(): number;
}

/** systemd. */
export function systemdServices(options: OperationOptions = {}): AppServices {
  const { signal, log }: Operation = operation(options);
  const systemctl = async (words: readonly string[], codes: readonly number[] = []) =>
    await run(['systemctl', '--no-ask-password', ...words], {
      describe: 'manage the units of an app',
      debianPackage: 'systemd',
      allowExitCodes: codes,
      signal,
      log,
    });
  return {
    reload: async () => void (await systemctl(['daemon-reload'])),
    start: async (unit) => (await systemctl(['start', '--', unit], [1, 3, 4, 5])).exitCode === 0,
    stop: async (units) => {
      for (const unit of units) {
        // 5: not loaded, because it never was a unit of this boot.
        await systemctl(['stop', '--', unit], [5]);
        await systemctl(['reset-failed', '--', unit], [1, 5]);
      }
    },
    state: async (unit) => {
      const properties = ['--property=ActiveState,MainPID,NRestarts,Result', '--', unit];
      return parseUnitState((await systemctl(['show', ...properties])).stdout.toString('utf8'));
    },
    lastWords: async (unit) => {
      const argv = ['journalctl', '--quiet', '--no-pager', '--boot', '--lines=5', '--output=cat'] as const;
      const options = { describe: 'read the journal', debianPackage: 'systemd', signal, log };
      return (await run([...argv, `--unit=${unit}`], options)).stdout.toString('utf8').trim();
    },
    confinement: async (pid) => parseAppArmorLabel(await readLabel(pid)),
    systemdVersion: async () => parseSystemdVersion((await systemctl(['--version'])).stdout.toString('utf8')),
    sleep: async (ms) => await delay(ms, undefined, { signal }),
    nowMs: () => performance.now(),
  };
}

/** `slipway-app (enforce)`; null for `unconfined` and whatever else. */
export function parseAppArmorLabel(text: string): AppArmorLabel | null {
  const { profile, mode } = /^(?<profile>.+) \((?<mode>[a-z]+)\)\n?$/.exec(text)?.groups ?? {};
  return profile === undefined || mode === undefined ? null : { profile, mode };
}

/** Nothing where the process is gone or the kernel has no AppArmor: then there is no such file, or it cannot be read. */
async function readLabel(pid: number): Promise<string> {
  try {
    return await readFile(`/proc/${pid}/attr/apparmor/current`, 'utf8');
  } catch (thrown) {
    if (errnoOf(thrown) === undefined) throw thrown;
    return '';
  }
}

/** What `systemctl show` prints: a line `Key=value` each. */
export function parseUnitState(text: string): UnitState {
  const pairs = text.split('\n').map((line) => {
    const at = line.indexOf('=');
    return [line.slice(0, at), line.slice(at + 1)] as const;
  });
  const values = new Map(pairs);
  return {
    activeState: values.get('ActiveState') ?? 'inactive',
    mainPid: Number(values.get('MainPID') ?? 0) || 0,
    restarts: Number(values.get('NRestarts') ?? 0) || 0,
    result: values.get('Result') ?? 'success',
  };
}
