/** The client and registries that ask who it is. */
import { createPrivateKey, createSign, randomUUID } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import {
  as,
  HTPASSWD,
  listen,
  makeCertificate,
  PASSWORD,
  RegistryLab,
  source,
} from '../testing/registry-lab.ts';
import { type CredentialSource } from './credentials.ts';

let lab: RegistryLab;

beforeAll(async () => {
  lab = await RegistryLab.open();
});

afterAll(async () => {
  await lab[Symbol.asyncDispose]();
});

describe('a registry with passwords', () => {
  let host: string;
  beforeAll(async () => {
    await writeFile(join(lab.path, 'htpasswd'), HTPASSWD);
    host = await lab.startRegistry('basic', {
      auth: { htpasswd: { realm: 'test', path: join(lab.path, 'htpasswd') } },
    });
    await lab.push(`${host}/os:v1`, { credentials: as(PASSWORD) });
  });

  test('lets in who has the right one', async () => {
    await using from = source(`${host}/os:v1`, { credentials: as(PASSWORD) });
    expect(await from.resolveDigest()).toBe(lab.image.digest);
    await lab.pull(from);
  });

  test('lets in requests that begin together, however long it takes to find the password', async () => {
    const slow: CredentialSource = {
      find: async () => {
        await sleep(20);
        return PASSWORD;
      },
    };
    await lab.push(`${host}/together:v1`, { credentials: slow });
    await using from = source(`${host}/together:v1`, { credentials: slow });
    const answers = await Promise.all([from.resolveDigest(), from.resolveDigest(), from.resolveDigest()]);
    expect(answers).toEqual([lab.image.digest, lab.image.digest, lab.image.digest]);
  });

  test('and nobody else', async () => {
    await using nobody = source(`${host}/os:v1`);
    await expect(nobody.resolve('amd64')).rejects.toMatchObject({
      code: 'OCI_UNAUTHORIZED',
      hint: expect.stringContaining('log in first'),
      details: { registry: host, repository: 'os', status: 401 },
    });
    await using wrong = source(`${host}/os:v1`, { credentials: as({ ...PASSWORD, password: 'guess' }) });
    await expect(wrong.resolveDigest()).rejects.toMatchObject({
      code: 'OCI_UNAUTHORIZED',
      hint: expect.stringContaining('are wrong'),
    });
    await expect(lab.push(`${host}/os:v1`)).rejects.toMatchObject({ code: 'OCI_UNAUTHORIZED' });
  });
});

describe('a registry with tokens', () => {
  let host: string;
  let server: Server;
  const asked: { url: URL; authorization: string | undefined; body: string }[] = [];
  let lifeSeconds = 300;

  beforeAll(async () => {
    const { key, certificate } = makeCertificate(lab.path, 'token', ['rsa:2048']);
    const x5c = (await readFile(certificate, 'utf8')).replaceAll(/-----.*-----|\s/g, '');
    const privateKey = createPrivateKey(await readFile(key));
    server = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk: Buffer) => (body += chunk.toString()));
      request.on('end', () => {
        const url = new URL(request.url ?? '', 'http://localhost');
        asked.push({ url, authorization: request.headers.authorization, body });
        const form = new URLSearchParams(body);
        const known =
          request.headers.authorization === `Basic ${Buffer.from('someone:secret').toString('base64')}` ||
          form.get('refresh_token') === 'the-identity';
        if (!known && request.headers.authorization !== undefined) {
          response.writeHead(401).end('{}');
          return;
        }
        const scopes =
          request.method === 'POST' ? (form.get('scope') ?? '').split(' ') : url.searchParams.getAll('scope');
        const access = scopes.map((scope) => {
          const [type, name, actions = ''] = scope.split(':');
          return { type, name, actions: known ? actions.split(',') : ['pull'] };
        });
        const now = Math.floor(Date.now() / 1000);
        const claims = {
          iss: 'test',
          sub: 'x',
          aud: 'registry',
          exp: now + 300,
          nbf: now - 10,
          iat: now,
          jti: randomUUID(),
          access,
        };
        const parts = [{ typ: 'JWT', alg: 'RS256', x5c: [x5c] }, claims].map((part) =>
          Buffer.from(JSON.stringify(part)).toString('base64url'),
        );
        const signature = createSign('RSA-SHA256')
          .update(parts.join('.'))
          .sign(privateKey)
          .toString('base64url');
        response.end(JSON.stringify({ token: `${parts.join('.')}.${signature}`, expires_in: lifeSeconds }));
      });
    });
    const realm = `http://${await listen(server)}/token`;
    host = await lab.startRegistry('token', {
      auth: { token: { realm, service: 'registry', issuer: 'test', rootcertbundle: certificate } },
    });
    await lab.push(`${host}/os:v1`, { credentials: as(PASSWORD) });
    expect(asked).toHaveLength(1);
    asked.length = 0;
  });
  afterEach(() => {
    asked.length = 0;
    lifeSeconds = 300;
  });
  afterAll(() => {
    server.close();
  });

  test('one token serves a whole pull', async () => {
    await using from = source(`${host}/os:v1`, { credentials: as(PASSWORD) });
    await lab.pull(from);
    expect(asked.map(({ url }) => url.search)).toEqual(['?service=registry&scope=repository%3Aos%3Apull']);
    expect(asked[0]?.authorization).toMatch(/^Basic /);
  });

  test('nobody may pull, not push', async () => {
    await using from = source(`${host}/os:v1`);
    await lab.pull(from);
    await expect(lab.push(`${host}/other:v1`)).rejects.toMatchObject({ code: 'OCI_UNAUTHORIZED' });
    await expect(
      lab.push(`${host}/other:v1`, { credentials: as({ ...PASSWORD, password: 'guess' }) }),
    ).rejects.toMatchObject({
      code: 'OCI_UNAUTHORIZED',
      message: expect.stringContaining('cannot get a token for'),
    });
  });

  test('an identity token is exchanged', async () => {
    await lab.push(`${host}/identity:v1`, {
      credentials: as({ kind: 'identity-token', token: 'the-identity' }),
    });
    expect(asked[0]?.body).toContain('grant_type=refresh_token');
    expect(asked[0]?.authorization).toBeUndefined();
  });

  test('a token is renewed when it is about to expire', async () => {
    lifeSeconds = 0.001;
    await using from = source(`${host}/os:v1`, { credentials: as(PASSWORD) });
    await from.resolveDigest();
    const once = asked.length;
    await new Promise((resolve) => setTimeout(resolve, 5));
    await from.resolveDigest();
    expect(asked.length).toBeGreaterThan(once);
  });

  test('a mount asks for both repositories', async () => {
    await lab.push(`${host}/mounted:v1`, { credentials: as(PASSWORD), mountFrom: 'os' });
    expect(asked.at(-1)?.url.searchParams.getAll('scope').toSorted()).toEqual([
      'repository:mounted:pull,push',
      'repository:os:pull',
    ]);
  });
});
