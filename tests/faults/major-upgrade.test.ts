/**
 * A host from one release of Debian to the next and back: another kernel, another systemd, all of userspace, and whatever its administrator
 * left in `/etc` and `/var`, accounts and keys included, as it was.
 */
import { mkdir } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { allowPlainHttp, startHost, type TestHost } from '../harness/host.ts';
import { baseImage } from '../harness/images.ts';
import { startRegistry, type TestRegistry } from '../harness/registry.ts';
import { ROOT, slipway } from '../harness/slipway.ts';
import { SYSTEM_STATE } from '../harness/system-state.ts';
import { type FaultRow, report, row } from './results.ts';

const DISKS = `${ROOT}/build/tests/major-upgrade`;
const say = (line: string): void => void process.stderr.write(`  ${line}\n`);

/** What must be the same whatever runs. */
const KEPT = `
  cat /etc/machine-id /etc/slipway-test.conf /etc/issue /var/lib/kept /etc/ssh/ssh_host_ed25519_key.pub
  stat -c '%U:%G %a %n' /var/lib/clerk /var/lib/clerk/letter
  id clerk
  test ! -e /etc/motd && echo 'no motd'`;

let registry: TestRegistry;
let host: TestHost;
let kept: string;
const rows: FaultRow[] = [];
const steps: { to: string; kept: boolean; kernel: string; systemd: string; seconds: number }[] = [];

beforeAll(async () => {
  const images = { bookworm: await baseImage('bookworm', say), trixie: await baseImage('trixie', say) };
  registry = await startRegistry();
  await slipway(['push', images.trixie, `${registry.hostPort}/debian:next`]);
  const followed = `${registry.guestHostPort}/debian:stable`;
  await mkdir(DISKS, { recursive: true });
  await slipway(
    ['image', images.bookworm, '--type', 'raw', '--size', '6G', '--target-imgref', followed, '-o', DISKS],
    { onLine: say },
  );
  host = await startHost({
    disk: `${DISKS}/disk.raw`,
    format: 'raw',
    consoleLogPath: `${DISKS}/console.log`,
  });
  await allowPlainHttp(host, registry.guestHostPort);
  await host.run(
    `echo 'a file of its own' >/etc/slipway-test.conf
     echo 'an edited default' >/etc/issue
     rm -f /etc/motd
     echo 'keep me' >/var/lib/kept
     useradd --home-dir /var/lib/clerk --create-home clerk
     echo letter >/var/lib/clerk/letter && chown clerk:clerk /var/lib/clerk/letter && chmod 640 /var/lib/clerk/letter`,
  );
  kept = await host.run(KEPT);
});

afterAll(async () => {
  await report('major-upgrade', { rows, json: { majorUpgrade: steps } });
  await host?.[Symbol.asyncDispose]();
  await registry?.[Symbol.asyncDispose]();
});

test('Debian 12 becomes Debian 13', async () => {
  expect(await release()).toBe('12');
  await reaches('13', `slipway switch ${registry.guestHostPort}/debian:next`);
});

test('and Debian 12 again, as it was', async () => {
  await reaches('12', 'slipway rollback');
});

/** Boots what a command put next, which must be this release, in good order, with everything kept. */
async function reaches(wanted: string, command: string): Promise<void> {
  const startMs = performance.now();
  await host.run(command);
  await host.reboot();
  const state = await host.run(SYSTEM_STATE);
  const [to, found] = [await release(), await host.run(KEPT)];
  const isWell = to === wanted && state === 'running' && found === kept;
  const line = row(`major upgrade: to Debian ${wanted}`, 1, isWell ? 0 : 1, startMs);
  rows.push(line);
  steps.push({
    to: `Debian ${to}`,
    kept: found === kept,
    kernel: await host.run('uname -r'),
    systemd: (await host.run('systemctl --version')).split('\n')[0] ?? '',
    seconds: line.seconds,
  });
  expect({ to, state, found }).toEqual({ to: wanted, state: 'running', found: kept });
}

async function release(): Promise<string> {
  return await host.run('. /usr/lib/os-release && echo $VERSION_ID');
}
