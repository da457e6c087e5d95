/**
 * An app and a configuration extension on a booted host: fenced in by the kernel, there after a reboot and after an update of the operating
 * system, and nothing of the extension left behind in the `/etc` that is the machine's own.
 */
import { mkdir } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { allowPlainHttp, startHost, type TestHost } from '../harness/host.ts';
import { appImages, userspaceRelease } from '../harness/images.ts';
import { startRegistry, type TestRegistry } from '../harness/registry.ts';
import { ROOT, slipway } from '../harness/slipway.ts';
import { SYSTEM_STATE } from '../harness/system-state.ts';
import { countedStep, type FaultRow, report } from './results.ts';

const DISKS = `${ROOT}/build/tests/apps`;
const PID = '$(systemctl show -P MainPID slipway-app-shop.service)';
const KEPT = '/var/lib/private/slipway-apps/shop';
const say = (line: string): void => void process.stderr.write(`  ${line}\n`);

let registry: TestRegistry;
let host: TestHost;
const rows: FaultRow[] = [];

beforeAll(async () => {
  const [first, second] = [await userspaceRelease(1, say), await userspaceRelease(2, say)];
  const { app, site } = await appImages(say);
  registry = await startRegistry();
  const followed = `${registry.guestHostPort}/host:stable`;
  await mkdir(DISKS, { recursive: true });
  await slipway(['image', first, '--type', 'raw', '--target-imgref', followed, '-o', DISKS], { onLine: say });
  await slipway(['push', second, `${registry.hostPort}/host:stable`]);
  await slipway(['push', app, `${registry.hostPort}/shop:1`]);
  await slipway(['push', site, `${registry.hostPort}/site:1`]);
  host = await startHost({
    disk: `${DISKS}/disk.raw`,
    format: 'raw',
    consoleLogPath: `${DISKS}/console.log`,
  });
  await allowPlainHttp(host, registry.guestHostPort);
  await host.run('systemctl is-system-running --wait || true');
});

afterAll(async () => {
  await report('apps', { rows, json: { apps: rows } });
  await host?.[Symbol.asyncDispose]();
  await registry?.[Symbol.asyncDispose]();
});

test('an app runs behind the fences systemd and AppArmor put up', async () => {
  await countedStep(rows, 'an app is installed and fenced in', async () => {
    await host.run(`slipway app install ${registry.guestHostPort}/shop:1`);
    expect(await host.run(`cat /proc/${PID}/attr/current`)).toBe('slipway-app (enforce)');
    expect(await host.run('slipway app status shop')).toContain('AppArmor: enforced (slipway-app)');
    expect(await host.run(`cat /proc/${PID}/status | grep ^Uid:`)).not.toMatch(/\t0\t/);
    expect(await host.run(`cat ${KEPT}/seen`)).toMatch(/cannot access/);
  });
});

test('a configuration extension is merged into an /etc that stays writable', async () => {
  await countedStep(rows, 'a configuration extension is merged', async () => {
    await host.run(`slipway app install --kind confext ${registry.guestHostPort}/site:1`);
    await expectMerged();
    await host.run('echo mine >/etc/mine; echo mine >>/etc/site.d/default');
    expect(await host.run('slipway drift')).toContain('/etc/mine');
  });
});

test('both are there after a reboot, and after an update of the operating system', async () => {
  await countedStep(rows, 'app and extension outlive an update', async () => {
    await host.reboot();
    await expectMerged();
    expect(await host.run(`cat /etc/mine ${KEPT}/starts`)).toBe('mine\nstarted\nstarted');
    await host.run('slipway upgrade');
    await host.reboot();
    const { booted } = (await host.status()).status;
    expect(booted?.image?.version).toBe('2');
    await expectMerged();
    expect(await host.run(`cat /etc/mine /etc/userspace.conf ${KEPT}/starts`)).toBe(
      'mine\ndefault of 2\nstarted\nstarted\nstarted',
    );
    const own = `/sysroot/state/deploy/${booted?.composefs?.verity}/etc`;
    expect(await host.run(`ls -d ${own}/mine ${own}/site.conf 2>/dev/null || true`)).toBe(`${own}/mine`);
  });
});

test('and are gone when they are removed', async () => {
  await countedStep(rows, 'app and extension are removed', async () => {
    await host.run('slipway app remove site && slipway app remove shop');
    expect(await host.run('ls /etc/site.conf 2>/dev/null || true')).toBe('');
    expect(await host.run('touch /etc/probe && rm /etc/probe && cat /etc/mine')).toBe('mine');
    expect(await host.run('slipway app list')).toBe('no apps');
  });
});

async function expectMerged(): Promise<void> {
  expect(await host.run(SYSTEM_STATE)).toBe('running');
  expect(await host.run('cat /etc/site.conf && head -n 1 /etc/site.d/default')).toBe(
    'of the extension\nof the extension',
  );
  expect(
    await host.run('touch /etc/probe && rm /etc/probe && systemctl is-active slipway-app-shop.service'),
  ).toBe('active');
}
