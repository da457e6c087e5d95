/** Who is let in, as clients find out. */
import { scryptSync } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeTempDir, run, type TempDir } from '@slipway/core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type RegistryServer, type ServeRegistryOptions, serveRegistry } from './serve.ts';
import { RawClient } from './testing/raw-client.ts';
import { bytesFor, digestOf, RegistryUser } from './testing/registry-user.ts';

let temp: TempDir;
let usersFile: string;

beforeAll(async () => {
  temp = await makeTempDir('registry-auth');
  usersFile = join(temp.path, 'users');
  await writeFile(usersFile, `${line('ci', 'push:it')}\n${line('hosts', 'pull it')}:pull\n`);
});

afterAll(async () => {
  await temp[Symbol.asyncDispose]();
});

/** A line of the users file, with a hash that costs next to nothing to check. */
function line(name: string, password: string): string {
  const [salt, hash] = [
    'a saltier salt!!',
    scryptSync(password, 'a saltier salt!!', 32, { N: 2, r: 1, p: 1 }),
  ];
  const unpadded = (bytes: Buffer): string => bytes.toString('base64').replaceAll('=', '');
  return `${name}:$scrypt$ln=1,r=1,p=1$${unpadded(Buffer.from(salt))}$${unpadded(hash)}`;
}

async function serve(options: Partial<ServeRegistryOptions> = {}): Promise<RegistryServer> {
  return await serveRegistry({ root: join(temp.path, 'root'), port: 0, auth: { usersFile }, ...options });
}

function basic(name: string, password: string): { readonly authorization: string } {
  return { authorization: `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}` };
}

function user(server: RegistryServer, headers: Readonly<Record<string, string>> = {}): RegistryUser {
  return new RegistryUser(new RawClient(server.url, { headers }), 'os');
}

describe('users only', () => {
  test('nothing without a password, a little or everything with one', async () => {
    await using server = await serve();
    const nobody = user(server);
    for (const path of ['/v2/', '/v2/_catalog', 'tags/list', 'manifests/v1']) {
      const { headers } = await nobody.refused(401, 'UNAUTHORIZED', { path });
      expect(headers['www-authenticate']).toBe('Basic realm="slipway registry", charset="UTF-8"');
    }
    await nobody.refused(401, 'UNAUTHORIZED', { method: 'POST', path: 'blobs/uploads/' });
    for (const wrong of [
      basic('ci', 'push'),
      basic('nobody', 'push:it'),
      basic('ci', ''),
      { authorization: 'Bearer x' },
    ]) {
      await user(server, wrong).expect(401, { path: '/v2/' });
    }
    await nobody.expect(404, { path: '/v2/token' });

    const ci = user(server, basic('ci', 'push:it'));
    await ci.expect(200, { path: '/v2/' });
    await ci.pushManifest(await ci.image('auth'), 'v1');

    const host = user(server, basic('hosts', 'pull it'));
    await host.expect(200, { path: 'manifests/v1' });
    await host.refused(403, 'DENIED', { method: 'POST', path: 'blobs/uploads/' });
    await host.refused(403, 'DENIED', { method: 'DELETE', path: 'manifests/v1' });
  });

  test('a body nobody may send is not asked for', async () => {
    await using server = await serve();
    const headers = { expect: '100-continue', 'content-length': '1000000' };
    const answer = await user(server).send({ method: 'PUT', path: 'manifests/v1', headers });
    expect(answer.status).toBe(401);
    expect(answer.headers.connection).toBe('close');
  });

  test('a file that changes counts at once; one that breaks lets nobody in', async () => {
    await using server = await serve();
    const before = await readFile(usersFile, 'utf8');
    const ci = user(server, basic('ci', 'push:it'));
    await ci.expect(200, { path: '/v2/' });
    await writeFile(usersFile, before.replace(/^ci:.*\n/m, ''));
    await ci.expect(401, { path: '/v2/' });
    await writeFile(usersFile, 'nonsense');
    await ci.expect(500, { path: '/v2/' });
    await writeFile(usersFile, before);
    await ci.expect(200, { path: '/v2/' });
    await expect(serve({ auth: { usersFile: join(temp.path, 'none') } })).rejects.toMatchObject({
      code: 'REGISTRY_USERS_INVALID',
    });
  });
});

describe('everybody pulls, users push', () => {
  const open = (): Promise<RegistryServer> => serve({ auth: { usersFile, anonymousPull: true } });

  test('a client that asks nobody pulls; one that asks is sent for a token, which may be of nobody', async () => {
    await using server = await open();
    const ci = user(server, basic('ci', 'push:it'));
    const image = await ci.image('open');
    await ci.pushManifest(image, 'v1');
    const nobody = user(server);
    await nobody.expect(200, { path: 'manifests/v1' });

    const { headers } = await nobody.expect(401, { path: '/v2/' });
    expect(headers['www-authenticate']).toBe(
      `Bearer realm="${server.url}/v2/token",service="slipway registry"`,
    );
    const { token } = (await nobody.json('/v2/token?service=x&scope=repository:os:pull')) as {
      token: string;
    };
    const holder = user(server, { authorization: `Bearer ${token}` });
    await holder.expect(200, { path: '/v2/' });
    await holder.expect(200, { path: 'manifests/v1' });
    const refused = await holder.expect(401, { method: 'POST', path: 'blobs/uploads/' });
    expect(refused.headers['www-authenticate']).toContain('scope="repository:os:pull,push"');
  });

  test('a token for a user does what the user may', async () => {
    await using server = await open();
    const tokenOf = async (name: string, password: string): Promise<string> => {
      const answer = (await user(server, basic(name, password)).json('/v2/token')) as {
        access_token: string;
      };
      return answer.access_token;
    };
    const ci = user(server, { authorization: `Bearer ${await tokenOf('ci', 'push:it')}` });
    await ci.pushBlob(bytesFor('by token'));
    const host = user(server, { authorization: `Bearer ${await tokenOf('hosts', 'pull it')}` });
    await host.expect(200, { path: `blobs/${digestOf(bytesFor('by token'))}` });
    await host.refused(403, 'DENIED', { method: 'POST', path: 'blobs/uploads/' });
    await user(server, basic('ci', 'wrong')).expect(401, { path: '/v2/token' });
    await user(server).expect(405, { method: 'POST', path: '/v2/token' });
    // What some clients send that have no password.
    await user(server, basic('', '')).expect(200, { path: 'tags/list' });
  });

  test('behind a proxy the token is where clients can reach it', async () => {
    await using server = await serve({
      auth: { usersFile, anonymousPull: true },
      publicUrl: 'https://registry.example',
    });
    const { headers } = await user(server).expect(401, { path: '/v2/' });
    expect(headers['www-authenticate']).toContain('realm="https://registry.example/v2/token"');
    const strange = await user(server, { host: 'a"b' }).send({ path: '/v2/' });
    expect(String(strange.headers['www-authenticate'])).not.toContain('a"b');
  });
});

test('many who log in at once are checked one after the other, and some are sent away', async () => {
  // Names nobody has cost what a good hash does, and hold the others up.
  await using server = await serve();
  const answers = await Promise.all(
    Array.from({ length: 60 }, (_, at) =>
      user(server, basic(at < 3 ? 'nobody' : 'ci', `wrong ${at}`)).send({ path: '/v2/' }),
    ),
  );
  const statuses = new Set(answers.map(({ status }) => status));
  expect(statuses).toEqual(new Set([401, 429]));
});

describe('TLS', () => {
  test('with a certificate that is trusted; without one that belongs to the key it does not start', async () => {
    const [certificate, key] = [join(temp.path, 'tls.crt'), join(temp.path, 'tls.key')];
    await run(
      [
        'openssl',
        ...'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=test'.split(' '),
        ...`-addext subjectAltName=IP:127.0.0.1 -keyout ${key} -out ${certificate}`.split(' '),
      ],
      { describe: 'make a certificate' },
    );
    const tls = { certificate: await readFile(certificate), key: await readFile(key) };
    await using server = await serve({ tls, auth: { usersFile, anonymousPull: true } });
    expect(server.url).toMatch(/^https:/);
    const trusting = new RegistryUser(new RawClient(server.url, { ca: tls.certificate.toString() }), 'os');
    const { headers } = await trusting.expect(401, { path: '/v2/' });
    expect(headers['www-authenticate']).toContain(`realm="${server.url}/v2/token"`);
    await expect(user(server).send({ path: '/v2/' })).rejects.toThrow(/self-signed|DEPTH_ZERO/);
    await expect(serve({ tls: { ...tls, key: 'no key' } })).rejects.toMatchObject({
      code: 'REGISTRY_TLS_INVALID',
    });
  });
});
