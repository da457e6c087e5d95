/**
 * Updates that do not come up, on a host nobody can reach while they try: the kernel panics, the initramfs hangs, a check fails, a service eats
 * all memory, systemd is gone. Each time the host must be back on the release before, with everything kept, and say why.
 */
import { mkdir } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { allowPlainHttp, startHost, type TestHost } from '../harness/host.ts';
import { BAD_RELEASES, type BadRelease, badRelease, faultRelease } from '../harness/images.ts';
import { startRegistry, type TestRegistry } from '../harness/registry.ts';
import { ROOT, slipway } from '../harness/slipway.ts';
import { type FaultRow, IS_QUICK, report, row } from './results.ts';

/** `FAULTS_BAD=kernel-panics,initramfs-hangs` tries these only. */
const KINDS = BAD_RELEASES.filter((kind) => {
  const chosen = process.env['FAULTS_BAD'] ?? (IS_QUICK ? 'required-check-fails,kernel-panics' : '');
  return chosen === '' || chosen.split(',').includes(kind);
});
/** Three attempts, and the boot of what was there before. */
const MOST_BOOTS = 4;
const DISKS = `${ROOT}/build/tests/bad-updates`;
const say = (line: string): void => void process.stderr.write(`  ${line}\n`);

interface BadUpdate {
  readonly kind: BadRelease;
  readonly recovered: boolean;
  /** From the first of the bad release to the one that stayed up. */
  readonly boots: number;
  /** From the reboot into the bad release until the host could be reached again. */
  readonly seconds: number;
}

const badUpdates: BadUpdate[] = [];
const rows: FaultRow[] = [];
let registry: TestRegistry;
let host: TestHost;
let good: string;

beforeAll(async () => {
  const image = await faultRelease(1, say);
  for (const kind of KINDS) await badRelease(kind, say);
  registry = await startRegistry();
  const followed = `${registry.guestHostPort}/host:stable`;
  await mkdir(DISKS, { recursive: true });
  await slipway(['image', image, '--type', 'raw', '--target-imgref', followed, '-o', DISKS], { onLine: say });
  host = await startHost({
    disk: `${DISKS}/disk.raw`,
    format: 'raw',
    consoleLogPath: `${DISKS}/console.log`,
  });
  await allowPlainHttp(host, registry.guestHostPort);
  await host.run(
    `echo mine >/etc/faults/edited
     echo 'keep me' >/var/lib/kept
     systemctl is-system-running --wait || true`,
  );
  good = (await host.status()).status.booted?.composefs?.verity ?? '';
});

afterAll(async () => {
  await report('bad-updates', { rows, json: { badUpdates } });
  await host?.[Symbol.asyncDispose]();
  await registry?.[Symbol.asyncDispose]();
});

test.each(KINDS)('comes back by itself: %s', async (kind) => {
  await slipway(['push', await badRelease(kind, say), `${registry.hostPort}/host:stable`]);
  await host.run('slipway upgrade');
  expect((await host.status()).status.staged?.image?.version).toBe(kind);
  const startMs = performance.now();
  const boots = await host.rebootUntilUp(MOST_BOOTS).catch((thrown: unknown) => {
    const lost = row(`bad update: ${kind}`, 1, 1, startMs);
    rows.push(lost);
    badUpdates.push({ kind, recovered: false, boots: MOST_BOOTS, seconds: lost.seconds });
    throw thrown;
  });
  const line = row(`bad update: ${kind}`, 1, 0, startMs);
  // What is recorded of the boot is, by then.
  await host.run('systemctl is-system-running --wait || true');
  const { booted, staged } = (await host.status()).status;
  const kept = await host.run('cat /etc/faults/edited /var/lib/kept');
  const told = (await host.history()).slice(-6).map(({ event }) => event);
  const recovered =
    booted?.composefs?.verity === good &&
    staged === null &&
    kept === 'mine\nkeep me' &&
    told.includes('rolled-back-by-boot-loader') &&
    told.includes('denied');
  say(`${kind}: boots ${boots}, ${line.seconds} s, the history says ${told.join(', ')}`);
  badUpdates.push({ kind, recovered, boots, seconds: line.seconds });
  rows.push(recovered ? line : { ...line, survived: 0, lost: 1 });
  expect({ booted: booted?.composefs?.verity, staged, kept }).toEqual({
    booted: good,
    staged: null,
    kept: 'mine\nkeep me',
  });
  expect(told).toEqual(expect.arrayContaining(['rolled-back-by-boot-loader', 'denied']));
  // It is not tried again by itself.
  await host.run('slipway upgrade || true');
  expect((await host.status()).status.staged).toBeNull();
});
