/** Logging in by an identity provider as an operator does: server and command of their own, a real provider, its forms. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { makeTempDir, type TempDir } from '@slipway/core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type OidcServer, startOidcServer } from '../packages/fleet/src/testing/oidc-server.ts';
import { TestBrowser } from '../packages/fleet/src/testing/test-browser.ts';
import { startFleetServer, type TestFleetServer } from './harness/fleet-server.ts';
import { ROOT, slipway } from './harness/slipway.ts';

let directory: TempDir;
let provider: OidcServer;
let server: TestFleetServer;

beforeAll(async () => {
  directory = await makeTempDir('fleet-oidc');
  provider = await startOidcServer();
  provider.accounts.set('8f1', { preferred_username: 'Anna', name: 'Anna Muster' });
  const secret = join(directory.path, 'secret');
  await writeFile(secret, `${provider.clientSecret}\n`, { mode: 0o600 });
  const { issuer, clientId } = provider;
  const options = [
    '--oidc-issuer',
    issuer,
    '--oidc-client-id',
    clientId,
    '--oidc-client-secret-file',
    secret,
  ];
  server = await startFleetServer(directory.path, options);
  await provider.serve(`${server.url}/api/v1/login/oidc/callback`);
});

afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await provider[Symbol.asyncDispose]();
  await directory[Symbol.asyncDispose]();
});

test('slipway fleet login --oidc says where to go, and is logged in when somebody was there', async () => {
  const { url, caPath: ca, env } = server;
  const login = spawn(`${ROOT}/bin/slipway`, ['fleet', 'login', url, '--ca', ca, '--oidc'], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ...env },
  });
  const ended = once(login, 'close');
  const printed: string[] = [];
  const lines = createInterface({ input: login.stdout }).on('line', (line) => printed.push(line));
  await once(lines, 'line');
  const { address = '', code = '' } =
    /^open (?<address>\S+) .* type (?<code>\S+)$/.exec(printed[0] ?? '')?.groups ?? {};
  const browser = new TestBrowser(await readFile(ca, 'utf8'));
  let page = await browser.submit(await browser.visit(address), { user_code: code });
  page = await browser.submit(page, {});
  page = await browser.submit(page, { login: '8f1', password: 'any' });
  page = await browser.submit(page, {});
  expect(page.body).toContain('Sign-in Success');
  expect(await ended).toEqual([0, null]);
  expect(printed[1]).toMatch(/^anna is logged in at https:/);
  // It is somebody, who may nothing yet.
  const { stderr } = await slipway(['fleet', 'get', 'fleets'], { env, allowExitCodes: [4] });
  expect(stderr).toContain('fleets:read');
});

test.each([
  [['--oidc-name', 'Example'], 2, '--oidc-issuer'],
  [['--oidc-issuer', 'https://login.example'], 2, '--oidc-client-id'],
  [['--oidc-issuer', 'http://login.example', '--oidc-client-id', 'a'], 3, 'https'],
])('slipway fleet serve %j is refused before anything is made', async (options, exitCode, words) => {
  const root = join(directory.path, 'never');
  const refused = await slipway(['fleet', 'serve', '--root', root, ...options], {
    allowExitCodes: [exitCode],
  });
  expect(refused.exitCode).toBe(exitCode);
  expect(refused.stderr).toContain(words);
  await expect(readFile(join(root, 'authority.pem'))).rejects.toMatchObject({ code: 'ENOENT' });
});
