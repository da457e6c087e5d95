import { hash } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { makeTempDir, type TempDir } from '@slipway/core';
import type { ConfigFile, FleetClient } from '@slipway/fleet-api';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type GitServer, startGitServer } from './git-server.ts';
import type { Place } from './places.ts';
import { type RunningServer, startServer } from './running-server.ts';
import { clientOf } from './test-client.ts';
import { TestDevice } from './test-device.ts';
import { until } from './until.ts';

const PATIENCE_MS = 300_000;
const header = { apiVersion: 'slipway/v1', metadata: { name: 'shops' } } as const;
const params = header.metadata;
const IMAGE = { reference: 'registry.example/shop:v1', digest: `sha256:${'a'.repeat(64)}` };

/** A server of files that says what it was asked. */
interface FileServer extends AsyncDisposable {
  readonly url: string;
  readonly asked: { readonly path: string; readonly etag: string | undefined; readonly status: number }[];
  readonly files: Map<string, string>;
  intercept: (request: IncomingMessage, response: ServerResponse) => boolean;
}

async function startFileServer(): Promise<FileServer> {
  const files = new Map<string, string>();
  const served: Omit<FileServer, typeof Symbol.asyncDispose> = {
    url: '',
    asked: [],
    files,
    intercept: () => false,
  };
  const server = createServer((request, response) => {
    if (served.intercept(request, response)) return;
    const path = request.url ?? '';
    const text = files.get(path);
    const etag = text === undefined ? undefined : `"${hash('sha256', text, 'hex')}"`;
    const known = request.headers['if-none-match'];
    const status = text === undefined ? 404 : known === etag ? 304 : 200;
    served.asked.push({ path, etag: known, status });
    response.writeHead(status, etag === undefined ? {} : { etag }).end(status === 200 ? text : undefined);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return Object.assign(served, {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  });
}

/** What configurations of fleets are made of, whatever database the server has. */
export function configSuite(kind: string, place: Place): void {
  describe(`configuration on ${kind}`, { timeout: PATIENCE_MS }, () => {
    let directory: TempDir;
    let files: FileServer;
    beforeAll(async () => {
      directory = await makeTempDir('fleet-config');
      files = await startFileServer();
    });
    afterAll(async () => {
      await files[Symbol.asyncDispose]();
      await directory[Symbol.asyncDispose]();
    });

    const start = async (allowedNetworks: readonly string[] = ['127.0.0.0/8']): Promise<RunningServer> =>
      await startServer({ database: await place(), allowedNetworks, secretsRoot: directory.path });
    const put = async (admin: FleetClient, config: readonly ConfigFile[]): Promise<unknown> =>
      await admin.call('fleets.put', {
        params,
        body: { ...header, kind: 'Fleet', spec: { selector: 'kind=shop', config } },
      });
    const enrol = async (
      { server, admin }: RunningServer,
      labels: Readonly<Record<string, string>>,
    ): Promise<TestDevice> => {
      const body = { name: `for-${labels['site'] ?? 'nowhere'}`, labels: { kind: 'shop', ...labels } };
      const { secret } = await admin.call('enrolmentTokens.create', { body });
      return await TestDevice.enrol(server.url, server.authority, secret, IMAGE);
    };
    /** What the device has in its files, by path, once it was told a configuration. */
    const had = async (
      device: TestDevice,
      isThere: (found: Readonly<Record<string, string>>) => boolean,
    ): Promise<Readonly<Record<string, string>>> =>
      await until(async () => {
        await device.checkIn();
        const { config } = device.desired ?? {};
        const all = config?.files.map((file) => [file.path, text(file.contentBase64)] as const) ?? [];
        return Object.fromEntries(all);
      }, isThere);
    const why = async (
      admin: FleetClient,
      device: TestDevice,
      isThere: (reason: string | null) => boolean,
    ): Promise<string | null> =>
      await until(async () => {
        await device.checkIn();
        const { status } = await admin.call('devices.get', { params: { name: device.name } });
        expect(status.update.state).toBe(
          status.update.whyNotUpToDate === null ? 'up-to-date' : 'out-of-date',
        );
        return status.update.whyNotUpToDate;
      }, isThere);

    test('comes from the fleet, a URL and a secret, by the labels of each device', async () => {
      await using running = await start();
      const { admin } = running;
      files.files.set('/berlin/app.conf', 'site = {{ .labels.site }}\n');
      files.files.set('/wien/app.conf', 'braces {{ stay }}\n');
      await secret(directory.path, 'default/shops/berlin.key', 'hunter2');
      await secret(directory.path, 'default/shops/wien.key', 'swordfish');
      await put(admin, [
        { path: '/etc/motd', content: '{{ .name }} in {{ .labels.site }}' },
        { path: '/etc/raw', content: '{{ $labels.instance }}', template: false },
        { path: '/etc/app.conf', http: { url: `${files.url}/{{ .labels.site }}/app.conf` } },
        { path: '/etc/key', mode: '600', secret: '{{ .labels.site }}.key' },
      ]);
      const berlin = await enrol(running, { site: 'berlin' });
      const wien = await enrol(running, { site: 'wien' });
      const whole = (found: Readonly<Record<string, string>>): boolean => Object.keys(found).length === 4;
      expect(await had(berlin, whole)).toEqual({
        '/etc/motd': `${berlin.name} in berlin`,
        '/etc/raw': '{{ $labels.instance }}',
        '/etc/app.conf': 'site = {{ .labels.site }}\n',
        '/etc/key': 'hunter2',
      });
      expect(await had(wien, whole)).toMatchObject({
        '/etc/app.conf': 'braces {{ stay }}\n',
        '/etc/key': 'swordfish',
      });
      expect(berlin.desired?.config.files.at(-1)?.mode).toBe('0600');
      expect(await why(admin, berlin, (reason) => reason === null)).toBeNull();
      // People see where a secret is, and nothing of what is in it, nor a hash to try guesses against.
      const seen = JSON.stringify([
        await admin.call('fleets.get', { params }),
        await admin.call('devices.get', { params: { name: berlin.name } }),
        await admin.call('audit.list', { query: { limit: 1000 } }),
      ]);
      for (const form of ['hunter2', text64('hunter2'), hash('sha256', 'hunter2', 'hex')])
        expect(seen).not.toContain(form);
      const all = JSON.stringify([berlin.desired?.config.files, []]);
      expect(berlin.desired?.config.digest).not.toBe(`sha256:${hash('sha256', all, 'hex')}`);
    });

    test('a source that fails leaves what was had, and says so; one that comes back is followed', async () => {
      await using running = await start();
      const { admin } = running;
      files.files.set('/a', 'one');
      const config = [{ path: '/etc/a', http: { url: `${files.url}/a?token=x` } }];
      files.files.set('/a?token=x', 'one');
      await put(admin, config);
      const device = await enrol(running, { site: 'a' });
      expect(await had(device, (found) => '/etc/a' in found)).toEqual({ '/etc/a': 'one' });
      const digest = device.desired?.config.digest;
      files.asked.length = 0;
      await put(admin, config);
      await until(
        async () => files.asked,
        (asked) => asked.length > 0,
      );
      expect(files.asked[0]).toMatchObject({ status: 304, etag: expect.stringMatching(/^"[0-9a-f]{64}"$/) });
      files.files.delete('/a?token=x');
      await put(admin, config);
      const reason = await why(admin, device, (found) => found?.includes('404') === true);
      expect(reason).toBe(
        `its configuration is not the fleet's: /etc/a: ${files.url}/a: cannot get it: it answered 404`,
      );
      expect(device.desired?.config).toMatchObject({ digest });
      expect(device.desired?.config.problem).toBeUndefined();
      files.files.set('/a?token=x', 'two');
      await put(admin, config);
      expect(await had(device, (found) => found['/etc/a'] === 'two')).toEqual({ '/etc/a': 'two' });
      expect(await why(admin, device, (found) => found === null)).toBeNull();
      // Another source that was never had: nobody knows what the file should be, so the device keeps all it has.
      await put(admin, [{ path: '/etc/a', http: { url: `${files.url}/never` } }]);
      await why(admin, device, (found) => found?.includes('404') === true);
      expect(device.desired?.config).toMatchObject({ files: [], problem: expect.stringContaining('404') });
    });

    test('what is too large, elsewhere, redirected or not what was pinned is not used', async () => {
      await using running = await start();
      const { admin } = running;
      files.intercept = ({ url = '' }, response) => {
        if (url === '/large') response.end(Buffer.alloc(2 ** 20 + 1));
        if (url === '/moved') response.writeHead(302, { location: `${files.url}/a` }).end();
        return url === '/large' || url === '/moved';
      };
      files.files.set('/a', 'one');
      files.files.set('/pinned', 'pinned');
      const device = await enrol(running, { site: 'a' });
      const pinned = `sha256:${hash('sha256', 'pinned', 'hex')}`;
      const refused = async (http: NonNullable<ConfigFile['http']>, words: string): Promise<void> => {
        await put(admin, [{ path: '/etc/a', http }]);
        await why(admin, device, (found) => found?.includes(words) === true);
        expect(device.desired?.config.files).toEqual([]);
      };
      await refused({ url: `${files.url}/large` }, 'more than 1048576 bytes');
      await refused({ url: `${files.url}/moved` }, 'it answered 302');
      await refused({ url: `${files.url}/a`, digest: pinned }, 'the fleet names another');
      await refused({ url: 'https://10.0.0.1/a' }, 'no public address');
      await put(admin, [{ path: '/etc/a', http: { url: `${files.url}/pinned`, digest: pinned } }]);
      await had(device, (found) => found['/etc/a'] === 'pinned');
      files.intercept = () => false;
    });

    test('a label that is missing is named, for the devices that lack it alone', async () => {
      await using running = await start();
      const { admin } = running;
      await put(admin, [{ path: '/etc/motd', content: 'hello' }]);
      const [berlin, nowhere] = [await enrol(running, { site: 'berlin' }), await enrol(running, {})];
      await had(nowhere, (found) => found['/etc/motd'] === 'hello');
      await put(admin, [{ path: '/etc/motd', content: 'site {{ .labels.site }}' }]);
      await had(berlin, (found) => found['/etc/motd'] === 'site berlin');
      expect(await why(admin, nowhere, (reason) => reason !== null)).toBe(
        `its configuration is not the fleet's: /etc/motd: the device ${nowhere.name} has no label site`,
      );
      expect(nowhere.desired?.config.problem).toContain('no label site');
      const bad = put(admin, [{ path: '/etc/motd', content: '{{ .labels.site | upper }}' }]);
      await expect(bad).rejects.toMatchObject({ problem: { code: 'FLEET_REQUEST_INVALID' } });
      for (const secret of ['../x', '/etc/shadow', 'a/../../b'])
        await expect(put(admin, [{ path: '/etc/x', secret }])).rejects.toMatchObject({
          problem: { code: 'FLEET_REQUEST_INVALID' },
        });
      await expect(put(admin, [{ path: '/etc/x' }])).rejects.toMatchObject({
        problem: { code: 'FLEET_REQUEST_INVALID' },
      });
    });

    test('a secret that is gone leaves what the device has', async () => {
      await using running = await start();
      const { admin } = running;
      await secret(directory.path, 'default/shops/gone.key', 'hunter2');
      const config = [{ path: '/etc/key', secret: 'gone.key' }];
      await put(admin, config);
      const device = await enrol(running, { site: 'a' });
      await had(device, (found) => found['/etc/key'] === 'hunter2');
      await rm(join(directory.path, 'default/shops/gone.key'));
      await put(admin, config);
      await why(admin, device, (reason) => reason?.includes('the secret gone.key: there is none') === true);
      expect(device.desired?.config).toMatchObject({ files: [], problem: expect.any(String) });
    });

    describe('from git', () => {
      let git: GitServer;
      beforeAll(async () => {
        git = await startGitServer();
      }, PATIENCE_MS);
      afterAll(async () => await git[Symbol.asyncDispose]());

      test('follows the repository, within its folder, for who may read git', async () => {
        await using running = await start();
        const { server, admin } = running;
        const config = [
          {
            path: '/etc/site',
            git: { repository: 'main', file: 'files/{{ .labels.site }}.conf' },
            template: true,
          },
          { path: '/etc/all', git: { repository: 'main', file: 'files/all' } },
        ];
        const commit = async (all: string): Promise<string> =>
          await git.commit({
            'fleet/README': 'x',
            'fleet/files/berlin.conf': '{{ .labels.site }}',
            'fleet/files/all': all,
            outside: 'x',
            'fleet/files/link': '-> ../../outside',
          });
        await commit('one');
        await admin.call('gitRepositories.put', {
          params: { name: 'main' },
          body: {
            apiVersion: 'slipway/v1',
            kind: 'GitRepository',
            metadata: { name: 'main' },
            spec: { url: git.url, caCertificate: git.authority, path: 'fleet', intervalSeconds: 10 },
          },
        });
        await put(admin, config);
        const device = await enrol(running, { site: 'berlin' });
        expect(await had(device, (found) => found['/etc/all'] === 'one')).toMatchObject({
          '/etc/site': 'berlin',
        });
        await commit('two');
        await admin.call('gitRepositories.sync', { params: { name: 'main' }, body: {} });
        await had(device, (found) => found['/etc/all'] === 'two');
        await put(admin, [{ path: '/etc/link', git: { repository: 'main', file: 'files/link' } }]);
        await why(admin, device, (reason) => reason?.includes('has no such file') === true);
        await put(admin, [{ path: '/etc/x', git: { repository: 'none', file: 'a' } }]);
        await why(admin, device, (reason) => reason?.includes('there is no git repository none') === true);
        await admin.call('roles.put', {
          params: { name: 'narrow' },
          body: {
            ...header,
            metadata: { name: 'narrow' },
            kind: 'Role',
            spec: { permissions: ['fleets:write'] },
          },
        });
        const { secret: token } = await admin.call('tokens.create', {
          body: { name: 'narrow', grants: [{ role: 'narrow' }] },
        });
        await expect(put(clientOf(server.url, server.authority, token), config)).rejects.toMatchObject({
          problem: { code: 'FLEET_FORBIDDEN' },
        });
      });
    });
  });
}

function text(base64: string): string {
  return Buffer.from(base64, 'base64').toString();
}

function text64(plain: string): string {
  return Buffer.from(plain).toString('base64');
}

async function secret(root: string, name: string, content: string): Promise<void> {
  await mkdir(dirname(join(root, name)), { recursive: true });
  await writeFile(join(root, name), content);
}
