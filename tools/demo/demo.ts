/**
 * The main job, told as it goes: a Containerfile becomes a host that updates itself, rolls back, and keeps its data. Ends with a
 * table of what happened on the booted host, which also goes to build/demo.json.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { performance } from 'node:perf_hooks';
import { allowPlainHttp, startHost, type TestHost } from '../../tests/harness/host.ts';
import { exampleImage } from '../../tests/harness/images.ts';
import { startRegistry } from '../../tests/harness/registry.ts';
import { severalProcessors } from '../../tests/harness/several-processors.ts';
import { ROOT, slipway } from '../../tests/harness/slipway.ts';
import { type Boot, bootTable, observeBoot } from './boot-report.ts';

const DIRECTORY = `${ROOT}/build/demo`;
const started = performance.now();

/** A step of the story: what and how long. */
async function step<Result>(what: string, work: () => Promise<Result>): Promise<Result> {
  const start = performance.now();
  say(`\n▶ ${what}`);
  const result = await work();
  say(`  (${seconds(start)} s)`);
  return result;
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

function detail(line: string): void {
  say(`  ${line}`);
}

function seconds(since: number): number {
  return Math.round((performance.now() - since) / 100) / 10;
}

/** Shows a command and what it answers, as somebody at the host's terminal would see it. */
async function type(host: TestHost, command: string): Promise<void> {
  detail(`host# ${command}`);
  const { stdout, stderr } = await host.vm.ssh(command);
  const said = `${stderr}${stdout}`.trimEnd();
  if (said !== '') for (const line of said.split('\n')) detail(line);
}

async function publish(image: string, to: string): Promise<void> {
  detail(`$ slipway push ${image.replace(`${ROOT}/`, '')} ${to}`);
  await slipway(['push', image, to]);
}

say('Slipway: a Containerfile becomes a host that updates itself, rolls back, and keeps its data.');
await mkdir(DIRECTORY, { recursive: true });

const v1 = await step('Build Debian and two releases of one application as bootable images', () =>
  exampleImage({ folder: 'web-application' }, detail),
);
const v2 = await step(
  'Build release 2: other defaults in /etc, one more package, another kernel argument',
  () => exampleImage({ folder: 'web-application', containerfile: 'Containerfile.v2' }, detail),
);

await using registry = await startRegistry();
const followed = `${registry.guestHostPort}/web:stable`;
await step(`Publish release 1 as web:stable`, () => publish(v1, `${registry.hostPort}/web:stable`));

await step('Write a bootable disk, without root, loop devices or mounts', () =>
  slipway(['image', v1, '--type', 'qcow2', '--target-imgref', followed, '-o', DIRECTORY], { onLine: detail }),
);

const boots: Boot[] = [];
const host = await step('Boot it in a virtual machine: UEFI, systemd-boot, sealed root', async () => {
  const machine = await startHost({
    disk: `${DIRECTORY}/disk.qcow2`,
    format: 'qcow2',
    consoleLogPath: `${DIRECTORY}/console.log`,
    processors: await severalProcessors(detail),
  });
  detail(`acceleration: ${machine.vm.acceleration.kind}`);
  return machine;
});
await using _host = host;
boots.push(await observeBoot(host));
await type(host, 'slipway status');

await step('Work on the host: edit one file in /etc, add one, delete one, write to /var', async () => {
  await type(host, `echo 'greeting = mine' > /etc/web-application/app.conf`);
  await type(host, `echo 'local = yes' > /etc/web-application/local.conf; rm /etc/web-application/banner`);
  await type(host, 'echo precious > /var/lib/precious');
  // The registry of this demonstration speaks plain HTTP on loopback.
  await allowPlainHttp(host, registry.guestHostPort);
});

await step('Publish release 2, and update', async () => {
  await publish(v2, `${registry.hostPort}/web:stable`);
  await type(host, 'slipway upgrade');
});
await bootAgain('Reboot into release 2');
await type(
  host,
  'cat /etc/web-application/app.conf /etc/web-application/limits.conf; ls /etc/web-application',
);
await type(host, 'cat /var/lib/precious; jq --version');

await step('Roll back', () => type(host, 'slipway rollback'));
await bootAgain('Reboot into release 1, as it was');
await type(host, 'cat /etc/web-application/limits.conf; cat /var/lib/precious');

await step('Update again: everything is still on the disk', () => type(host, 'slipway upgrade'));
await bootAgain('Reboot into release 2');
await type(host, 'slipway status');
await step('Switch it off', () => host.powerOff());

const total = seconds(started);
await writeFile(`${ROOT}/build/demo.json`, `${JSON.stringify({ seconds: total, boots }, undefined, 2)}\n`);
say(`\n${bootTable(boots)}`);
say(`\n${total} s in all; the same as data: build/demo.json`);

async function bootAgain(what: string): Promise<void> {
  await step(what, () => host.reboot());
  boots.push(await observeBoot(host, boots.length + 1));
}
