/** Logins by a real OpenID provider, with its own forms. */
import { makeTempDir, type TempDir } from '@slipway/core';
import type { FleetClient } from '@slipway/fleet-api';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { FleetServer } from '../../server/serve-fleet.ts';
import { type OidcServer, startOidcServer } from '../../testing/oidc-server.ts';
import { startServer } from '../../testing/running-server.ts';
import { TestBrowser, type Visited } from '../../testing/test-browser.ts';
import { clientOf } from '../../testing/test-client.ts';

const LOGIN_COOKIE = '__Host-slipway_login';
const CALLBACK = '/api/v1/login/oidc/callback';
const TEN_MINUTES_MS = 600_000;

let directory: TempDir;
let provider: OidcServer;
let server: FleetServer;
let admin: FleetClient;
/** How far the clock of the server is ahead. */
let aheadMs = 0;

beforeAll(async () => {
  directory = await makeTempDir('fleet-oidc');
  provider = await startOidcServer();
  const { issuer, clientId, clientSecret } = provider;
  ({ server, admin } = await startServer({
    root: directory.path,
    clock: { nowMs: () => Date.now() + aheadMs },
    provider: { issuer, clientId, clientSecret, name: 'Example' },
  }));
  await provider.serve(`${server.url}${CALLBACK}`);
  for (const [name, group] of [
    ['looks', 'staff'],
    ['approves', 'leads'],
  ] as const) {
    await admin.call('roles.put', {
      params: { name },
      body: {
        apiVersion: 'slipway/v1',
        kind: 'Role',
        metadata: { name },
        spec: {
          permissions: name === 'looks' ? ['devices:read'] : ['rollouts:read', 'rollouts:approve'],
          groups: [group],
        },
      },
    });
  }
  provider.accounts.set('8f1', { preferred_username: 'Anna', name: 'Anna Muster', groups: ['staff'] });
}, 300_000);

afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await provider[Symbol.asyncDispose]();
  await directory[Symbol.asyncDispose]();
});

const newBrowser = (): TestBrowser => new TestBrowser(server.authority);
const isBack = (location: string): boolean => location.startsWith(`${server.url}${CALLBACK}`);

/** Logs in at the provider: the address it sends the browser back to. */
async function allowed(browser: TestBrowser, subject: string, start: Visited): Promise<string> {
  let page = await browser.visit(start.location ?? '', isBack);
  if (page.location === undefined)
    page = await browser.submit(page, { login: subject, password: 'any' }, isBack);
  if (page.location === undefined) page = await browser.submit(page, {}, isBack);
  return page.location ?? `${page.status} ${page.body}`;
}

async function start(browser: TestBrowser, returnTo = '/'): Promise<Visited> {
  return await browser.get(`${server.url}/api/v1/login/oidc?returnTo=${encodeURIComponent(returnTo)}`);
}

async function logIn(browser: TestBrowser, subject: string, returnTo = '/'): Promise<Visited> {
  return await browser.get(await allowed(browser, subject, await start(browser, returnTo)));
}

function clientOfBrowser(browser: TestBrowser): FleetClient {
  return clientOf(server.url, server.authority, browser.cookie(server.url, 'slipway_session'));
}

function refused(page: Visited, code = 'FLEET_UNAUTHENTICATED'): void {
  expect(page.body).toContain('<h1>Nobody was logged in</h1>');
  expect(page.body).toContain(`<small>${code}, request `);
  expect(page.cookies).toEqual([]);
}

describe('in a browser', () => {
  test('a person becomes a user, with the roles of their groups, and comes back to the page they wanted', async () => {
    const methods = await clientOf(server.url, server.authority).call('sessions.methods', {});
    expect(methods).toEqual({ local: true, oidc: { name: 'Example', url: '/api/v1/login/oidc' } });
    const browser = newBrowser();
    const page = await logIn(browser, '8f1', '/devices?selector=a');
    expect(page).toMatchObject({ status: 302, location: `${server.url}/devices?selector=a` });
    expect(page.cookies.join('\n')).toMatch(/slipway_session=.*; HttpOnly; .*Secure; SameSite=Strict/);
    expect(browser.cookie(server.url, LOGIN_COOKIE)).toBeUndefined();
    expect(await clientOfBrowser(browser).call('sessions.current', {})).toMatchObject({
      user: 'anna',
      displayName: 'Anna Muster',
      systemAdmin: false,
      grants: [{ role: 'looks' }],
      permissions: ['devices:read'],
    });
    const user = await admin.call('users.get', { params: { name: 'anna' } });
    expect(user.status).toMatchObject({ origin: 'oidc', lastLoginAt: expect.any(String) });
    expect(await admin.call('audit.verify', {})).toMatchObject({ intact: true });
  });

  test('groups of the next login are the ones that count', async () => {
    await logIn(newBrowser(), '8f1');
    provider.accounts.set('8f1', { preferred_username: 'renamed', groups: ['leads', 'others'] });
    const browser = newBrowser();
    await logIn(browser, '8f1');
    const session = await clientOfBrowser(browser).call('sessions.current', {});
    expect(session).toMatchObject({ user: 'anna', grants: [{ role: 'approves' }] });
    provider.accounts.set('8f1', { preferred_username: 'Anna', groups: ['staff'] });
  });

  test('who calls themselves as somebody here is not them', async () => {
    provider.accounts.set('666', { preferred_username: 'admin', email: 'anna', groups: 'nothing' });
    const browser = newBrowser();
    await logIn(newBrowser(), '8f1');
    await logIn(browser, '666');
    const session = await clientOfBrowser(browser).call('sessions.current', {});
    expect(session).toMatchObject({ user: '666', systemAdmin: false, grants: [] });
    // Nor is there a password that would let them in.
    const guess = clientOf(server.url, server.authority).call('sessions.create', {
      body: { user: '666', password: 'x' },
    });
    await expect(guess).rejects.toMatchObject({ problem: { code: 'FLEET_UNAUTHENTICATED' } });
  });

  test('a disabled user is refused, and one that was deleted begins anew', async () => {
    provider.accounts.set('bob', { preferred_username: 'bob' });
    await logIn(newBrowser(), 'bob');
    const params = { name: 'bob' };
    const body = { apiVersion: 'slipway/v1', kind: 'User', metadata: params } as const;
    await admin.call('users.put', { params, body: { ...body, spec: { grants: [], disabled: true } } });
    refused(await logIn(newBrowser(), 'bob'));
    const { items } = await admin.call('audit.list', { query: {} });
    expect(items).toContainEqual(
      expect.objectContaining({ action: 'oidc.callback', target: 'User/bob', outcome: 'refused' }),
    );
    await admin.call('users.delete', { params });
    const browser = newBrowser();
    await logIn(browser, 'bob');
    expect(await clientOfBrowser(browser).call('sessions.current', {})).toMatchObject({ user: 'bob' });
  });

  test('an answer with another state or issuer, or none of a login of this browser, is refused', async () => {
    const browser = newBrowser();
    const answer = new URL(await allowed(browser, '8f1', await start(browser)));
    const changed = (name: string, value: string): string => {
      const other = new URL(answer);
      other.searchParams.set(name, value);
      return other.href;
    };
    refused(await browser.get(changed('state', 'another')));
    refused(await browser.get(changed('iss', 'https://evil.example')));
    refused(await browser.get(changed('code', 'made-up')));
    refused(await newBrowser().get(answer.href));
    const other = newBrowser();
    await start(other);
    refused(await other.get(answer.href));
    expect((await browser.get(answer.href)).status).toBe(302);
  });

  test('an answer is taken once', async () => {
    const browser = newBrowser();
    const begun = await start(browser);
    const kept = browser.cookie(server.url, LOGIN_COOKIE) ?? '';
    const answer = await allowed(browser, '8f1', begun);
    expect((await browser.get(answer)).status).toBe(302);
    refused(await browser.get(answer));
    browser.keep(server.url, LOGIN_COOKIE, kept);
    refused(await browser.get(answer));
  });

  test('a token made for another nonce, or without the secret of PKCE, is refused', async () => {
    for (const [name, value] of [
      ['nonce', 'another'],
      ['code_challenge', 'A'.repeat(43)],
    ] as const) {
      const browser = newBrowser();
      const begun = await start(browser);
      const address = new URL(begun.location ?? '');
      expect(address.searchParams.get(name)).toMatch(/^[\w-]{43}$/);
      address.searchParams.set(name, value);
      refused(await browser.get(await allowed(browser, '8f1', { ...begun, location: address.href })));
    }
  });

  test('a login that takes more than ten minutes is refused', async () => {
    const browser = newBrowser();
    const answer = await allowed(browser, '8f1', await start(browser));
    aheadMs = TEN_MINUTES_MS + 1000;
    refused(await browser.get(answer));
    aheadMs = 0;
  });

  test('what the browser kept can be neither made up nor be of another purpose', async () => {
    const { deviceCode } = await clientOf(server.url, server.authority).call('oidc.deviceStart', {
      body: {},
    });
    const browser = newBrowser();
    const answer = await allowed(browser, '8f1', await start(browser));
    for (const made of ['made.up', deviceCode]) {
      browser.keep(server.url, LOGIN_COOKIE, made);
      refused(await browser.get(answer));
    }
  });

  test('who says no is not logged in, and nobody is sent to another server', async () => {
    const browser = newBrowser();
    const begun = await start(browser);
    const denied = new URL(`${server.url}${CALLBACK}`);
    const state = new URL(begun.location ?? '').searchParams.get('state') ?? '';
    denied.search = String(new URLSearchParams({ error: 'access_denied', state, iss: provider.issuer }));
    refused(await browser.get(denied.href));
    refused(await start(browser, 'https://evil.example'), 'FLEET_REQUEST_INVALID');
    refused(await start(browser, '//evil.example'), 'FLEET_REQUEST_INVALID');
  });
});

describe('by a program', () => {
  const open = (): FleetClient => clientOf(server.url, server.authority);

  test('a person types its code, and it is logged in as them', async () => {
    const begun = await open().call('oidc.deviceStart', { body: {} });
    const poll = async (): Promise<unknown> =>
      await open().call('oidc.devicePoll', { body: { deviceCode: begun.deviceCode } });
    await expect(poll()).rejects.toMatchObject({ problem: { code: 'FLEET_CONFLICT' } });
    const browser = newBrowser();
    let page = await browser.visit(begun.verificationUrl);
    page = await browser.submit(page, { user_code: begun.userCode });
    page = await browser.submit(page, {});
    page = await browser.submit(page, { login: '8f1', password: 'any' });
    page = await browser.submit(page, {});
    expect(page.body).toContain('Sign-in Success');
    expect(await poll()).toMatchObject({ user: 'anna', grants: [{ role: 'looks' }] });
    await expect(poll()).rejects.toMatchObject({ problem: { code: 'FLEET_UNAUTHENTICATED' } });
  });

  test('who says no, a code that was made up, or one too old, logs nobody in', async () => {
    const begun = await open().call('oidc.deviceStart', { body: {} });
    const { deviceCode } = begun;
    const browser = newBrowser();
    let page = await browser.visit(begun.verificationUrl);
    page = await browser.submit(page, { user_code: begun.userCode });
    await browser.submit(page, { abort: 'yes' });
    const poll = async (code: string): Promise<unknown> =>
      await open().call('oidc.devicePoll', { body: { deviceCode: code } });
    const refusal = { problem: { code: 'FLEET_UNAUTHENTICATED' } };
    await expect(poll(deviceCode)).rejects.toMatchObject(refusal);
    await expect(poll('made.up')).rejects.toMatchObject(refusal);
    const late = await open().call('oidc.deviceStart', { body: {} });
    aheadMs = TEN_MINUTES_MS + 1000;
    await expect(poll(late.deviceCode)).rejects.toMatchObject(refusal);
    aheadMs = 0;
  });
});
