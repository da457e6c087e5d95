/** The few things asked of systemd about the units of apps. */
import { setTimeout as delay } from 'node:timers/promises';
import { type Operation, type OperationOptions, operation, run } from '@slipway/core';

/** A unit as systemd sees it now. */
export interface UnitState {
  /** `active`, `activating`, `inactive`, `failed`, … */
  readonly activeState: string;
  /** How often it was started again by itself. */
  readonly restarts: number;
  /** `success`, or why it ended: `exit-code`, `signal`, `timeout`, … */
  readonly result: string;
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
      const properties = ['--property=ActiveState,NRestarts,Result', '--', unit];
      return parseUnitState((await systemctl(['show', ...properties])).stdout.toString('utf8'));
    },
    lastWords: async (unit) => {
      const argv = ['journalctl', '--quiet', '--no-pager', '--boot', '--lines=5', '--output=cat'] as const;
      const options = { describe: 'read the journal', debianPackage: 'systemd', signal, log };
      return (await run([...argv, `--unit=${unit}`], options)).stdout.toString('utf8').trim();
    },
    systemdVersion: async () => parseSystemdVersion((await systemctl(['--version'])).stdout.toString('utf8')),
    sleep: async (ms) => await delay(ms, undefined, { signal }),
    nowMs: () => performance.now(),
  };
}

/** What `systemctl --version` begins with: `systemd 257 (257.9-1~deb13u1)`. Of anything else 0: older than all. */
export function parseSystemdVersion(text: string): number {
  return Number(/^systemd (\d+)/.exec(text)?.[1] ?? 0);
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
    restarts: Number(values.get('NRestarts') ?? 0) || 0,
    result: values.get('Result') ?? 'success',
  };
}
