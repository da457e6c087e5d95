/**
 * A host that is given a release whose health check fails: it goes back by itself, says why, and takes the next release. Nobody can log
 * in to the broken one, so that whoever is reached afterwards is the one before.
 */
import { mkdir } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { allowPlainHttp, startHost, type TestHost } from './harness/host.ts';
import { exampleImage, failingRelease } from './harness/images.ts';
import { startRegistry, type TestRegistry } from './harness/registry.ts';
import { ROOT, slipway } from './harness/slipway.ts';

const DISKS = `${ROOT}/build/tests/health-vm`;
const WHY = 'the required check 10-shop.sh failed with 1: the shop does not answer';
const say = (line: string): void => void process.stderr.write(`  ${line}\n`);

let registry: TestRegistry;
let host: TestHost;
let bad: string;

beforeAll(async () => {
  const good = await exampleImage({ folder: 'web-application' }, say);
  bad = await failingRelease(say);
  registry = await startRegistry();
  await slipway(['push', good, `${registry.hostPort}/web:stable`]);
  await mkdir(DISKS, { recursive: true });
  const followed = `${registry.guestHostPort}/web:stable`;
  await slipway(['image', good, '--type', 'raw', '--target-imgref', followed, '-o', DISKS], { onLine: say });
  host = await startHost({
    disk: `${DISKS}/disk.raw`,
    format: 'raw',
    consoleLogPath: `${DISKS}/console.log`,
  });
  await allowPlainHttp(host, registry.guestHostPort);
  await host.run(
    `mkdir -p /etc/greenboot/check/required.d /etc/greenboot/red.d
     printf '#!/bin/sh\\necho "red" >>/var/lib/red\\n' >/etc/greenboot/red.d/10-note.sh`,
  );
});

afterAll(async () => {
  await host?.[Symbol.asyncDispose]();
  await registry?.[Symbol.asyncDispose]();
});

test('a release that fails its check is left for the one before, with nobody there', async () => {
  const before = await host.status();
  await slipway(['push', bad, `${registry.hostPort}/web:stable`]);
  await host.run('slipway upgrade');
  await host.rebootTwice();
  await host.run('systemctl is-system-running --wait || true');

  const { status } = await host.status();
  expect(status.booted?.composefs?.verity).toBe(before.status.booted?.composefs?.verity);
  expect(await host.run('cat /var/lib/red')).toBe('red');
  // One attempt: the check had spoken.
  expect(await host.run('ls /boot/loader/entries')).toBe('slipway-1.conf\nslipway-2+0-1.conf');
});

test('status, history, health and the message of the day tell what happened', async () => {
  const history = await host.history();
  const since = history.slice(history.findIndex(({ event }) => event === 'finalized'));
  expect(since.map(({ event }) => event)).toEqual([
    'finalized',
    'booted',
    'health-failed',
    'rolled-back-by-boot-loader',
    'denied',
    'booted',
  ]);
  expect(since[2]?.reason).toBe(WHY);
  expect(since[3]?.reason).toBe(WHY);
  expect(await host.run('slipway status')).toContain(WHY);
  expect(await host.run('cat /run/motd.d/slipway')).toContain(WHY);
  const health = JSON.parse(await host.run('slipway health --json')) as unknown;
  expect(health).toMatchObject({
    health: 'good',
    fallback: { version: 'bad', reason: WHY },
    failedBoot: {
      health: { outcome: 'bad', checks: [{ name: '10-shop.sh', kind: 'required', exitCode: 1 }] },
    },
  });
});

test('the release that failed is not staged again by itself', async () => {
  await host.run('slipway upgrade || true');
  expect((await host.status()).status.staged).toBeNull();
  expect(await host.run('slipway upgrade --allow-denied')).not.toBe('');
  expect((await host.status()).status.staged?.image?.version).toBe('bad');
});
