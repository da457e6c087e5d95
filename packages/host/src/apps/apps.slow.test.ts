/** Apps on a host that is a directory: what is kept, what comes back, what a power cut leaves. */
import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { lookupPath, openRepository, readErofs } from '@slipway/composefs';
import { isSlipwayError } from '@slipway/core';
import { layoutSource, parseReference, type Reference, type WholeImageSource } from '@slipway/oci';
import { describe, expect, test } from 'vitest';
import { cleanUp } from '../cleanup.ts';
import { pathExists } from '../directory.ts';
import { hostDrift } from '../drift.ts';
import { fsckHost } from '../fsck/fsck-host.ts';
import { readHistory } from '../history.ts';
import { type TestServices, testServices } from '../testing/app-services.ts';
import { installed, V2 } from '../testing/scenario.ts';
import { hostDir, partsOf, reboot, stage, type TestHost } from '../testing/test-host.ts';
import { type TestImage, writeTestArtefact, writeTestImage } from '../testing/test-image.ts';
import { type AppResult, installApp, listApps, recoverApps, removeApp, revertApp } from './app-verbs.ts';
import { appPaths } from './layout.ts';
import { type AppKind, writePending } from './revision.ts';

const LONG = 'a file long enough to be an object of its own and not kept inside the image that names it\n';

function shop(version: string, program = 'shop'): TestImage {
  return {
    tag: 'app',
    version,
    config: {
      Entrypoint: [program, '--say', 'a "quoted" $HOME 100%'],
      Cmd: ['--port=80'],
      Env: ['PATH=/opt/bin:/usr/bin', 'COLOUR=sea "green" 50%'],
      WorkingDir: '/srv',
      ExposedPorts: { '80/tcp': {}, '5353/udp': {} },
      Volumes: { '/var/lib/shop': {} },
      StopSignal: 'SIGINT',
    },
    files: {
      usr: { directory: 0o755 },
      'usr/bin': { directory: 0o755 },
      [`usr/bin/${program}`]: { text: `#!/bin/sh\n# ${version} ${LONG}`, mode: 0o755 },
      'etc/resolv.conf': { link: '../run/nowhere' },
    },
  };
}

async function install(
  host: TestHost,
  services: TestServices,
  image: TestImage,
  kind: AppKind = 'app',
): Promise<AppResult> {
  await writeTestImage(partsOf(host.directory).images, image);
  return await installTag(host, services, image.tag, kind);
}

async function installTag(
  host: TestHost,
  services: TestServices,
  tag: string,
  kind: AppKind,
): Promise<AppResult> {
  const reference = parseReference(`oci:${partsOf(host.directory).images}:${tag}`);
  if (reference.kind !== 'oci') throw new Error('a test image is in a layout');
  await using source = layoutSource(reference);
  const request = { name: 'shop', source, reference, kind, command: 'slipway app install' } as const;
  return await installApp(host, request, { services });
}

function openLayout(reference: Reference): WholeImageSource {
  if (reference.kind !== 'oci') throw new Error('a test image is in a layout');
  return layoutSource(reference);
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  const thrown: unknown = await promise.catch((error: unknown) => error);
  return isSlipwayError(thrown) ? thrown.code : 'none';
}

async function dataLog(host: TestHost): Promise<string> {
  return await readFile(join(appPaths(host.layout, 'shop').data, 'log'), 'utf8');
}

async function versions(host: TestHost): Promise<readonly string[]> {
  return (await listApps(host)).map(
    ({ name, current, previous }) => `${name} ${current.version} ${previous?.version ?? '-'}`,
  );
}

describe('an app', () => {
  test('is installed, updated, reverted with its data, and removed', async () => {
    await using dir = await hostDir('apps');
    const host = await installed(dir.path);
    const services = testServices(host);
    expect(await install(host, services, shop('1'))).toMatchObject({ kind: 'installed', revision: 1 });
    expect(services.running()).toEqual(['slipway-app-shop.service']);
    expect(await install(host, services, shop('1'))).toMatchObject({ kind: 'unchanged' });
    expect(await install(host, services, shop('2'))).toMatchObject({ kind: 'updated', revision: 2 });
    expect(await versions(host)).toEqual(['shop 2 1']);
    expect(await dataLog(host)).toBe('/usr/bin/shop\n/usr/bin/shop\n');

    expect(await revertApp(host, 'shop', { services })).toMatchObject({ kind: 'reverted', version: '1' });
    expect(await versions(host)).toEqual(['shop 1 2']);
    // One start of its own before the update, and the one now.
    expect(await dataLog(host)).toBe('/usr/bin/shop\n/usr/bin/shop\n');
    expect(await revertApp(host, 'shop', { services })).toMatchObject({ version: '2', revision: 2 });
    expect(await dataLog(host)).toBe('/usr/bin/shop\n/usr/bin/shop\n/usr/bin/shop\n');

    const images = (await openRepository(host.layout.composefs)).listImages().length;
    expect(await removeApp(host, 'shop', { services, keepData: false })).toMatchObject({ kind: 'removed' });
    expect([await versions(host), services.running()]).toEqual([[], []]);
    expect(await readdir(host.layout.apps)).toEqual([]);
    expect(await pathExists(appPaths(host.layout, 'shop').data)).toBe(false);
    expect((await openRepository(host.layout.composefs)).listImages()).toHaveLength(images - 2);
    const told = (await readHistory(host.layout.history)).map(({ event }) => event);
    expect(told.slice(-5)).toEqual([...Array(4).fill('app-changed'), 'app-removed']);
  });

  test('goes back by itself when its update does not work, and the image is not taken again', async () => {
    await using dir = await hostDir('apps');
    const host = await installed(dir.path);
    const services = testServices(host);
    await install(host, services, shop('1'));
    const data = appPaths(host.layout, 'shop').data;
    await writeFile(join(data, 'kept'), 'mine');
    expect(await codeOf(install(host, services, shop('2', 'shop-bad')))).toBe('APP_UNHEALTHY');
    expect(await versions(host)).toEqual(['shop 1 -']);
    expect(services.running()).toEqual(['slipway-app-shop.service']);
    expect(await readFile(join(data, 'kept'), 'utf8')).toBe('mine');
    expect(await dataLog(host)).not.toContain('bad');
    expect(await codeOf(install(host, services, shop('2', 'shop-bad')))).toBe('APP_REFUSED');
    const record = (await readHistory(host.layout.history)).findLast(
      ({ event }) => event === 'app-taken-back',
    );
    expect(record?.reason).toContain('slipway-app-shop.service says no');
    expect(await install(host, services, shop('3'))).toMatchObject({ kind: 'updated' });
  });

  test('that never worked leaves nothing but data that were there before', async () => {
    await using dir = await hostDir('apps');
    const host = await installed(dir.path);
    const services = testServices(host);
    const { data } = appPaths(host.layout, 'shop');
    expect(await codeOf(install(host, services, shop('1', 'shop-bad')))).toBe('APP_UNHEALTHY');
    expect(await readdir(host.layout.apps)).toEqual([]);
    expect(await pathExists(appPaths(host.layout, 'shop').data)).toBe(false);
    await install(host, services, shop('1'));
    await removeApp(host, 'shop', { services, keepData: true });
    expect(await codeOf(install(host, services, shop('1', 'shop-bad')))).toBe('APP_UNHEALTHY');
    expect(await readdir(data)).toEqual(['log']);
  });

  test('outlives updates of the operating system and garbage collection', async () => {
    await using dir = await hostDir('apps');
    const host = await installed(dir.path);
    await install(host, testServices(host), shop('1'));
    await stage(host, V2);
    const next = await reboot(host);
    await cleanUp(next);
    const [app] = await listApps(next);
    const repository = await openRepository(next.layout.composefs);
    const id = app?.current.imageId ?? '';
    const { objects } = repository.reachable({ images: [id], streams: [] });
    expect([...objects].every((digest) => repository.hasObject(digest))).toBe(true);
    const { entries } = readErofs(repository.readImage(id));
    const root = { kind: 'directory', entries } as Parameters<typeof lookupPath>[0];
    const volume = lookupPath(root, '/var/lib/shop', { followLast: false })?.node;
    expect(volume).toMatchObject({ kind: 'symlink', target: '/var/lib/slipway-apps/shop/var-lib-shop' });
    for (const path of ['/proc', '/var/lib/slipway-apps/shop', '/srv']) {
      expect([path, lookupPath(root, path)?.node.kind]).toEqual([
        path,
        path === '/srv' ? undefined : 'directory',
      ]);
    }
    expect(lookupPath(root, '/etc/resolv.conf')?.node.kind).toBe('regular');
  });

  test('gets back what rotted of it from where it came from', async () => {
    await using dir = await hostDir('apps');
    const host = await installed(dir.path);
    await install(host, testServices(host), shop('1'));
    const [app] = await listApps(host);
    const repository = await openRepository(host.layout.composefs);
    const path = repository.objectPath(app?.current.imageId ?? '');
    await chmod(path, 0o644);
    await writeFile(path, 'rot');
    const openSource = openLayout;
    expect(await fsckHost(host, { repair: false, openSource })).toMatchObject({ kind: 'damaged' });
    expect(await fsckHost(host, { repair: true, openSource })).toMatchObject({ kind: 'repaired' });
    expect(await fsckHost(host, { repair: false, openSource })).toMatchObject({ kind: 'clean' });
  });

  test('is judged at the next boot when power fails while it changes', async () => {
    await using dir = await hostDir('apps');
    const host = await installed(dir.path);
    const services = testServices(host);
    await install(host, services, shop('1'));
    await install(host, services, shop('2'));
    const paths = appPaths(host.layout, 'shop');

    // The links had changed: it works, so it stays.
    await writePending(paths, { from: 1, to: 2, hadData: true, failed: null });
    expect(await recoverApps(host, { services })).toEqual(new Map([['shop', { kind: 'works' }]]));
    expect(await versions(host)).toEqual(['shop 2 1']);
    // They had not: nothing to do.
    await writePending(paths, { from: 2, to: 3, hadData: true, failed: null });
    expect(await recoverApps(host, { services })).toEqual(new Map());
    // The way back was cut short.
    await writePending(paths, { from: 1, to: 2, hadData: true, failed: 'no' });
    expect((await recoverApps(host, { services })).get('shop')).toMatchObject({ kind: 'taken-back' });
    expect(await versions(host)).toEqual(['shop 1 -']);
    // An installation cut short before anything ran.
    await mkdir(join(host.layout.apps, 'half/revisions/.1.new'), { recursive: true });
    await recoverApps(host, { services });
    expect(await readdir(host.layout.apps)).toEqual(['shop']);
  });

  test('is run as its image says, word for word', async () => {
    await using dir = await hostDir('apps');
    const host = await installed(dir.path);
    await install(host, testServices(host), shop('1'));
    const units = join(appPaths(host.layout, 'shop').current, 'units');
    const text = await readFile(join(units, 'slipway-app-shop.service'), 'utf8');
    expect(text).toContain('ExecStart="/usr/bin/shop" "--say" "a \\"quoted\\" $$HOME 100%%" "--port=80"\n');
    expect(text).toContain('Environment="COLOUR=sea \\"green\\" 50%%"\n');
    expect(text).toContain('StateDirectory=slipway-apps/shop slipway-apps/shop/var-lib-shop\n');
    expect(text).toContain('AmbientCapabilities=CAP_NET_BIND_SERVICE\n');
  });
});

describe('an image that is no app', () => {
  const base = shop('1');
  const cases: Readonly<Record<string, TestImage>> = {
    'no program': { ...base, config: { ...base.config, Entrypoint: [], Cmd: [] } },
    'a program that is not there': { ...base, config: { ...base.config, Entrypoint: ['elsewhere'] } },
    'a control character': { ...base, config: { ...base.config, Env: ['A=\u0000'] } },
    'a variable without a name': { ...base, config: { ...base.config, Env: ['=x\nExecStartPre=/bin/sh'] } },
    'a volume over everything': { ...base, config: { ...base.config, Volumes: { '/': {} } } },
    'a volume with a strange name': { ...base, config: { ...base.config, Volumes: { '/a b:/etc': {} } } },
    'a port that is none': { ...base, config: { ...base.config, ExposedPorts: { '0/tcp': {} } } },
    'a signal that is none': { ...base, config: { ...base.config, StopSignal: 'x y' } },
    'a file where a directory is needed': { ...base, files: { ...base.files, proc: 'file' } },
  };
  test.each(Object.entries(cases))('with %s is refused before anything is written', async (_what, image) => {
    await using dir = await hostDir('apps');
    const host = await installed(dir.path);
    expect(await codeOf(install(host, testServices(host), image))).toBe('APP_INVALID');
    expect(await readdir(host.layout.apps)).toEqual([]);
  });
});

function extension(directory: string): TestImage {
  const files = { [`${directory}/extension-release.d/extension-release.other`]: 'ID=_any\n' };
  return { tag: 'tools', version: '1', config: {}, files };
}

describe.each([
  ['sysext', 'usr/lib', 'merge shop', 'systemd-sysext.service'],
  ['confext', 'etc', 'merge shop confext', 'systemd-confext.service'],
] as const)('an extension of the kind %s', (kind, directory, call, service) => {
  test('is mounted under its own name whatever its release file is called', async () => {
    await using dir = await hostDir('apps');
    const host = await installed(dir.path);
    const result = await install(host, testServices(host), extension(directory), kind);
    expect(result).toMatchObject({ kind: 'installed' });
    const [app] = await listApps(host);
    expect(app?.current).toMatchObject({ kind, ports: [], health: null });
    const { entries } = readErofs(
      (await openRepository(host.layout.composefs)).readImage(app?.current.imageId ?? ''),
    );
    const root = { kind: 'directory', entries } as Parameters<typeof lookupPath>[0];
    expect(lookupPath(root, `/${directory}/extension-release.d/extension-release.shop`)).toBeDefined();
    const unit = join(appPaths(host.layout, 'shop').current, 'units/slipway-app-shop.service');
    const text = await readFile(unit, 'utf8');
    expect(text).toContain(`ExecStart=/usr/libexec/slipway/extension ${call}\n`);
    expect(text).toContain(`After=slipway-app-shop-root.service ${service}\n`);
  });

  test('may be an artefact, kept and repaired like an image', async () => {
    await using dir = await hostDir('apps');
    const host = await installed(dir.path);
    const services = testServices(host);
    const { images } = partsOf(host.directory);
    for (const version of ['1', '2']) {
      const files = { ...extension(directory).files, [`${directory}/large`]: `${LONG.repeat(20)}${version}` };
      await writeTestArtefact(images, { tag: 'artefact', version, files });
      expect(await installTag(host, services, 'artefact', kind)).toMatchObject({ version });
    }
    expect(await installTag(host, services, 'artefact', kind)).toMatchObject({ kind: 'unchanged' });
    expect(await versions(host)).toEqual(['shop 2 1']);
    await cleanUp(host);
    const repository = await openRepository(host.layout.composefs);
    const [app] = await listApps(host);
    const path = repository.objectPath(app?.current.imageId ?? '');
    await chmod(path, 0o644);
    await writeFile(path, 'rot');
    const openSource = openLayout;
    expect(await fsckHost(host, { repair: true, openSource })).toMatchObject({ kind: 'repaired' });
    expect(await fsckHost(host, { repair: false, openSource })).toMatchObject({ kind: 'clean' });
    expect(await codeOf(installTag(host, services, 'artefact', 'app'))).toBe('APP_EXISTS');
    await removeApp(host, 'shop', { services, keepData: false });
    expect(await codeOf(installTag(host, services, 'artefact', 'app'))).toBe('OCI_MANIFEST_INVALID');
  });

  test('that says nowhere what it is for is refused', async () => {
    await using dir = await hostDir('apps');
    const host = await installed(dir.path);
    const wrong = extension(directory === 'etc' ? 'usr/lib' : 'etc');
    expect(await codeOf(install(host, testServices(host), wrong, kind))).toBe('APP_INVALID');
    expect(await readdir(host.layout.apps)).toEqual([]);
  });
});

describe('a configuration extension', () => {
  test('is refused before anything is written where /etc could not be written to any more', async () => {
    await using dir = await hostDir('apps');
    const host = await installed(dir.path);
    const root = (await host.mountInfo()).split('\n').filter((line) => !line.includes(' /etc '));
    const inMemory = [...root, '24 21 0:30 / /etc rw - overlay transient:etc rw'].join('\n');
    const hosts: readonly (readonly [TestHost, number])[] = [
      [host, 252],
      [{ ...host, mountInfo: async () => root.join('\n') }, 257],
      [{ ...host, mountInfo: async () => inMemory }, 257],
    ];
    const before = (await openRepository(host.layout.composefs)).listStreams();
    for (const [on, systemd] of hosts) {
      const refused = install(on, testServices(on, systemd), extension('etc'), 'confext');
      expect(await codeOf(refused)).toBe('APP_UNSUPPORTED');
    }
    expect(await readdir(host.layout.apps)).toEqual([]);
    expect((await openRepository(host.layout.composefs)).listStreams()).toEqual(before);
  });

  test('is not taken for what this machine has in /etc', async () => {
    await using dir = await hostDir('apps');
    const host = await installed(dir.path);
    const merged = join(dir.path, 'merged');
    await mkdir(merged);
    await writeFile(join(merged, 'of-an-extension'), '');
    const over = `${await host.mountInfo()}25 23 0:31 / /etc rw - overlay confext rw\n`;
    const alone = await hostDrift(host);
    expect(await hostDrift({ ...host, etc: merged, mountInfo: async () => over })).toEqual(alone);
    expect((await hostDrift({ ...host, etc: merged })).differences).not.toEqual(alone.differences);
  });
});
