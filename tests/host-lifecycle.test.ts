/**
 * One host, from its first boot to its last: updated, rolled back, updated again, switched to another image, with a
 * registry that fails on the way. Each test goes on where the one before ended, as a host does. Its `status --json` with something
 * staged and something to go back to is written to build/status.json.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { run } from '@slipway/core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type FaultProxy, startFaultProxy } from './harness/fault-proxy.ts';
import { allowPlainHttp, startHost, type TestHost } from './harness/host.ts';
import { exampleImage } from './harness/images.ts';
import { startRegistry, type TestRegistry } from './harness/registry.ts';
import { ROOT, slipway, slipwayJson } from './harness/slipway.ts';
import { SYSTEM_STATE } from './harness/system-state.ts';

const DISKS = `${ROOT}/build/tests/host-lifecycle`;
const GIB = 1024 ** 3;
const say = (line: string): void => void process.stderr.write(`  ${line}\n`);

/** Layers this small hold only the image's configuration files; a fault in one would strike too early. */
const LARGE_LAYER_BYTES = 1024 * 1024;

let registry: TestRegistry;
let proxy: FaultProxy;
let host: TestHost;
let images: { readonly v1: string; readonly v2: string; readonly edge: string };

const published = (name: string): string => `${registry.hostPort}/${name}`;
const followed = (name: string): string => `${proxy.guestHostPort}/${name}`;

/** Makes an image the one that a tag of the registry names. */
async function publish(image: string, name: string): Promise<void> {
  await slipway(['push', image, published(name)]);
}

/** Digest of the largest layer of an image: the one worth interrupting. */
async function largestLayer(image: string, besides: string): Promise<string> {
  const layersOf = async (reference: string): Promise<readonly { digest: string; sizeBytes: number }[]> => {
    const answer = (await slipwayJson(['inspect', reference])) as {
      layers: readonly { digest: string; sizeBytes: number }[];
    };
    return answer.layers;
  };
  const known = new Set((await layersOf(besides)).map(({ digest }) => digest));
  const [largest] = (await layersOf(image))
    .filter(({ digest, sizeBytes }) => !known.has(digest) && sizeBytes > LARGE_LAYER_BYTES)
    .toSorted((a, b) => b.sizeBytes - a.sizeBytes);
  if (largest === undefined) throw new Error(`${image} brings no layer of its own`);
  return largest.digest;
}

beforeAll(async () => {
  images = {
    v1: await exampleImage({ folder: 'web-application' }, say),
    v2: await exampleImage({ folder: 'web-application', containerfile: 'Containerfile.v2' }, say),
    edge: await exampleImage({ folder: 'edge-appliance' }, say),
  };
  registry = await startRegistry();
  proxy = await startFaultProxy(registry.hostPort);
  await publish(images.v1, 'web:stable');
  await mkdir(DISKS, { recursive: true });
  await slipway(
    ['image', images.v1, '--type', 'raw', '--target-imgref', followed('web:stable'), '-o', DISKS],
    { onLine: say },
  );
  host = await startHost({
    disk: `${DISKS}/disk.raw`,
    format: 'raw',
    keep: true,
    consoleLogPath: `${DISKS}/console.log`,
  });
  await allowPlainHttp(host, proxy.guestHostPort);
});

afterAll(async () => {
  await host?.[Symbol.asyncDispose]();
  await proxy?.[Symbol.asyncDispose]();
  await registry?.[Symbol.asyncDispose]();
});

describe('the first boot', () => {
  test('runs the image it was made from, sealed', async () => {
    const { status } = await host.status();
    expect(status.booted?.image?.version).toBe('1');
    expect(status.booted?.image?.image).toEqual({ image: followed('web:stable'), transport: 'registry' });
    expect(status.staged).toBeNull();
    expect(status.rollback).toBeNull();

    const id = status.booted?.composefs?.verity ?? '';
    expect(await host.run('findmnt -no SOURCE,FSTYPE /')).toMatch(new RegExp(`^composefs:${id} +overlay$`));
    expect(await host.run('findmnt -no OPTIONS /')).toContain('verity=require');
    expect(await host.run('cat /proc/cmdline')).toContain(`composefs=${id}`);
    expect(await host.run(`fsverity measure /sysroot/composefs/images/${id}`)).toContain(id);
  });

  test('is healthy and serves its application', async () => {
    expect(await host.run(SYSTEM_STATE)).toBe('running');
    const page = `exec 9<>/dev/tcp/127.0.0.1/80; printf 'GET / HTTP/1.0\\r\\n\\r\\n' >&9; cat <&9`;
    expect(await host.run(`bash -c "${page}"`)).toContain('web application, release 1');
    expect(await host.run('ls /boot/loader/entries')).toBe('slipway-1.conf');
  });

  test('keeps /usr read-only and /etc and /var writable', async () => {
    expect((await host.vm.ssh('touch /usr/bin/new')).exitCode).not.toBe(0);
    expect((await host.vm.ssh('touch /new')).exitCode).not.toBe(0);
    expect((await host.vm.ssh('echo x >>/usr/lib/os-release')).stderr).toContain('Read-only file system');
    await host.run('touch /etc/probe /var/probe && rm /etc/probe /var/probe');
  });

  test('has its own host keys and machine id', async () => {
    expect(await host.run('cat /etc/machine-id')).toMatch(/^[0-9a-f]{32}$/);
    expect(await host.run('ls /etc/ssh/ssh_host_ed25519_key')).toContain('ssh_host_ed25519_key');
  });
});

describe('an update', () => {
  test('with nothing new changes nothing, and asks once', async () => {
    proxy.clear();
    expect(await host.run('slipway upgrade --check')).toContain('Nothing new');
    expect(proxy.requests.filter(({ path }) => path !== '/v2/').length).toBe(1);
    await host.run('slipway upgrade');
    expect((await host.status()).status.staged).toBeNull();
    expect(proxy.blobRequests()).toEqual([]);
  });

  test('with a damaged layer is refused, and nothing is staged', async () => {
    await host.run(`
      echo 'greeting = mine' >/etc/web-application/app.conf
      echo 'local = yes' >/etc/web-application/local.conf
      rm /etc/web-application/banner
      echo keep me >/var/lib/keep-me`);
    await publish(images.v2, 'web:stable');
    expect((await host.vm.ssh('slipway upgrade --check')).stdout).toContain('web:stable');
    proxy.clear();
    const layer = await largestLayer(images.v2, images.v1);
    proxy.inject({ kind: 'corrupt', atByte: 4096 }, { path: new RegExp(layer), times: 20 });
    const { exitCode, stderr } = await host.vm.ssh('slipway --verbose upgrade');
    expect(exitCode).toBe(5);
    expect(stderr).toMatch(/digest/);
    expect((await host.status()).status.staged).toBeNull();
  });

  test('that is interrupted goes on where it stopped', async () => {
    const layer = await largestLayer(images.v2, images.v1);
    proxy.clear();
    // More often than any retry: the command gives up, and a later one goes on.
    proxy.inject({ kind: 'cut', afterBytes: 100_000 }, { path: new RegExp(layer), times: 4 });
    proxy.inject({ kind: 'status', status: 503 }, { path: new RegExp(layer), times: 200 });
    const { exitCode } = await host.vm.ssh('slipway upgrade');
    expect(exitCode).toBe(5);
    expect((await host.status()).status.staged).toBeNull();

    proxy.clear();
    await host.run('slipway upgrade');
    const [first] = proxy.blobRequests(layer);
    expect(first?.range).toMatch(/^bytes=[1-9]\d{4,}-/);
    const { status } = await host.status();
    expect(status.staged?.image?.version).toBe('2');
    expect(status.booted?.image?.version).toBe('1');
  });

  test('is booted next, with local edits kept and untouched defaults updated', async () => {
    await host.reboot();
    const { status } = await host.status();
    expect(status.booted?.image?.version).toBe('2');
    expect(status.rollback?.image?.version).toBe('1');
    expect(status.staged).toBeNull();

    expect(await host.run('cat /etc/web-application/app.conf')).toBe('greeting = mine');
    expect(await host.run('cat /etc/web-application/local.conf')).toBe('local = yes');
    expect(await host.run('cat /etc/web-application/limits.conf')).toContain('max_clients = 200');
    expect(await host.run('ls /etc/web-application')).not.toContain('banner');
    expect(await host.run('cat /var/lib/keep-me')).toBe('keep me');
    expect(await host.run('jq --version')).toMatch(/^jq-/);
    const commandLine = await host.run('cat /proc/cmdline');
    expect(commandLine).toContain('web_application.release=2');
    expect(commandLine).not.toContain('web_application.release=1');
    expect(await host.run(SYSTEM_STATE)).toBe('running');
  });
});

describe('a rollback', () => {
  test('brings the old system back as it was', async () => {
    await host.run(`echo 'made on release 2' >/etc/web-application/second.conf`);
    await host.run('slipway rollback');
    expect((await host.status()).status.rollbackQueued).toBe(true);
    await host.reboot();

    const { status } = await host.status();
    expect(status.booted?.image?.version).toBe('1');
    expect(await host.run('cat /etc/web-application/limits.conf')).toContain('max_clients = 100');
    expect(await host.run('cat /etc/web-application/app.conf')).toBe('greeting = mine');
    expect(await host.run('ls /etc/web-application')).not.toContain('second.conf');
    expect(await host.run('cat /var/lib/keep-me')).toBe('keep me');
    expect(await host.run('cat /proc/cmdline')).toContain('web_application.release=1');
    expect((await host.vm.ssh('jq --version')).exitCode).not.toBe(0);
  });

  test('does not stand in the way of the next update', async () => {
    proxy.clear();
    await host.run('slipway upgrade');
    // Everything of it is still here.
    expect(proxy.blobRequests().filter(({ sentBytes }) => sentBytes > LARGE_LAYER_BYTES)).toEqual([]);
    await host.reboot();
    const { status } = await host.status();
    expect(status.booted?.image?.version).toBe('2');
    expect(await host.run('cat /etc/web-application/app.conf')).toBe('greeting = mine');
    const events = (await host.history()).map(({ event }) => event);
    expect(events[0]).toBe('installed');
    expect(events.filter((event) => event === 'booted').length).toBe(4);
    expect(events).toContain('rollback-queued');
  });
});

describe('a switch', () => {
  test('to an image that is not there is refused', async () => {
    const { exitCode, stderr } = await host.vm.ssh(`slipway switch ${followed('nothing:here')}`);
    expect(exitCode).toBe(5);
    expect(stderr).toMatch(/cannot pull the manifest here of \S+\/nothing: it is not there/);
    expect((await host.status()).status.staged).toBeNull();
  });

  test('to another image follows that one from then on', async () => {
    await publish(images.edge, 'edge:stable');
    await host.run(`slipway switch ${followed('edge:stable')}`);
    const waiting = await host.status();
    await writeFile(`${ROOT}/build/status.json`, `${JSON.stringify(waiting, undefined, 2)}\n`);
    expect(waiting.status.staged?.image?.image.image).toBe(followed('edge:stable'));
    expect(waiting.status.rollback?.image?.version).toBe('1');
    await host.reboot();
    const { status } = await host.status();
    expect(status.booted?.image?.image.image).toBe(followed('edge:stable'));
    expect(await host.run('cat /var/lib/keep-me')).toBe('keep me');
    expect(await host.run('systemctl is-active mosquitto.service')).toBe('active');
  });
});

describe('the end', () => {
  test('unmounts everything: the file system needs no recovery', async () => {
    await host.powerOff();
    const said = host.vm.console.last(400).join('\n');
    // The journal of this image is kept in /var, and journald lets go of it only when it is ended itself, after the units.
    expect(said).not.toMatch(/Failed unmounting.*(sysroot|etc|boot)\.mount/);
    expect(said).toContain('All filesystems unmounted.');
    const { stdout } = await run(['sfdisk', '--json', `${DISKS}/disk.raw`], {
      describe: 'read the partition table',
    });
    const table = JSON.parse(stdout.toString()) as {
      partitiontable: { partitions: readonly { start: number; size: number }[] };
    };
    const root = table.partitiontable.partitions.at(-1);
    expect(root).toBeDefined();
    const fileSystem = `${DISKS}/disk.raw?offset=${(root?.start ?? 0) * 512}`;
    const { stdout: superblock } = await run(['dumpe2fs', '-h', fileSystem], {
      describe: 'read the superblock',
    });
    expect(superblock.toString()).toMatch(/Filesystem state: +clean/);
    expect(superblock.toString()).not.toContain('needs_recovery');
  });

  test('a larger disk is filled at the first boot', async () => {
    await using larger = await startHost({
      disk: `${DISKS}/disk.raw`,
      format: 'raw',
      sizeBytes: 40 * GIB,
      sshKey: host.sshKey,
    });
    const sizeBytes = Number(await larger.run('df -B1 --output=size /sysroot | tail -n 1'));
    expect(sizeBytes).toBeGreaterThan(36 * GIB);
  });
});
