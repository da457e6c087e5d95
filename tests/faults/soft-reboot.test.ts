/**
 * Updates that start userspace alone anew: there by `upgrade --apply --soft-reboot`, and back by `rollback`, with one kernel running all the
 * time, the merged `/etc` and everything else as after a reboot in full.
 */
import { mkdir } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { allowPlainHttp, startHost, type TestHost } from '../harness/host.ts';
import { userspaceRelease } from '../harness/images.ts';
import { startRegistry, type TestRegistry } from '../harness/registry.ts';
import { ROOT, slipway } from '../harness/slipway.ts';
import { SYSTEM_STATE } from '../harness/system-state.ts';
import { type FaultRow, report, row } from './results.ts';

const DISKS = `${ROOT}/build/tests/soft-reboot`;
const BETWEEN_QUESTIONS_MS = 1000;
const say = (line: string): void => void process.stderr.write(`  ${line}\n`);

let registry: TestRegistry;
let host: TestHost;
let kernelBoot: string;
const rows: FaultRow[] = [];

beforeAll(async () => {
  const [first, second] = [await userspaceRelease(1, say), await userspaceRelease(2, say)];
  registry = await startRegistry();
  const followed = `${registry.guestHostPort}/host:stable`;
  await mkdir(DISKS, { recursive: true });
  await slipway(['image', first, '--type', 'raw', '--target-imgref', followed, '-o', DISKS], { onLine: say });
  await slipway(['push', second, `${registry.hostPort}/host:stable`]);
  host = await startHost({
    disk: `${DISKS}/disk.raw`,
    format: 'raw',
    consoleLogPath: `${DISKS}/console.log`,
  });
  await allowPlainHttp(host, registry.guestHostPort);
  await host.run(`echo 'keep me' >/var/lib/kept; systemctl is-system-running --wait || true`);
  kernelBoot = await host.vm.bootId();
});

afterAll(async () => {
  await report('soft-reboot', {
    rows,
    json: { softReboots: rows.map(({ kind, lost }) => ({ kind, lost })) },
  });
  await host?.[Symbol.asyncDispose]();
  await registry?.[Symbol.asyncDispose]();
});

test('an update is reached without the kernel being started anew', async () => {
  await reaches({ version: '2', softReboots: 1, command: 'slipway upgrade --apply --soft-reboot=required' });
  expect(await host.run('cat /usr/share/userspace /etc/userspace.conf')).toBe('2\ndefault of 2');
});

test('and so is what was there before', async () => {
  await reaches({ version: '1', softReboots: 2, command: 'slipway rollback --apply --soft-reboot=required' });
  expect(await host.run('cat /usr/share/userspace /etc/userspace.conf')).toBe('1\ndefault of 1');
});

test('a reboot in full brings up what the last soft one did', async () => {
  await host.reboot();
  expect((await host.status()).status.booted?.image?.version).toBe('1');
  expect(await host.vm.bootId()).not.toBe(kernelBoot);
  expect(await host.run('cat /var/lib/kept')).toBe('keep me');
});

interface Wanted {
  readonly version: string;
  readonly softReboots: number;
  readonly command: string;
}

/** Runs a command that ends in a soft reboot, and looks at what came up: the deployment, sealed, in good order, on the same kernel. */
async function reaches({ version, softReboots, command }: Wanted): Promise<void> {
  const startMs = performance.now();
  await host.vm.runLast(command);
  await untilSoftReboots(softReboots);
  const line = row(`soft reboot to release ${version}`, 1, 1, startMs);
  rows.push(line);
  const state = await host.run(SYSTEM_STATE);
  const { booted, staged } = (await host.status()).status;
  const id = booted?.composefs?.verity ?? '';
  expect({ state, version: booted?.image?.version, staged }).toEqual({
    state: 'running',
    version,
    staged: null,
  });
  expect(await host.run('findmnt -no SOURCE,FSTYPE /')).toMatch(new RegExp(`^composefs:${id} +overlay$`));
  expect(await host.run('findmnt -no OPTIONS /')).toContain('verity=require');
  expect(await host.run('touch /etc/probe /var/probe && rm /etc/probe /var/probe && cat /var/lib/kept')).toBe(
    'keep me',
  );
  expect(await host.vm.bootId()).toBe(kernelBoot);
  expect((await host.history()).at(-1)?.event).toBe('booted');
  rows[rows.indexOf(line)] = { ...line, survived: 1, lost: 0 };
}

/** Asks until userspace has been started anew so many times; the time limit of the test ends it. */
async function untilSoftReboots(count: number): Promise<void> {
  for (;;) {
    // While it goes down nothing answers, and while it comes up ssh may be there before systemd answers.
    const answer = await host.vm
      .ssh('systemctl show --property=SoftRebootsCount --value')
      .catch(() => undefined);
    if (answer?.stdout.trim() === String(count)) return;
    await delay(BETWEEN_QUESTIONS_MS);
  }
}
