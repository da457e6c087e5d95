import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeTempDir } from '@slipway/core';
import { describe, expect, test } from 'vitest';
import { authFilePaths, certificateDirectories, registriesConfPaths } from './config-paths.ts';
import { credentialsFromFiles, parseAuthFile } from './credentials.ts';

const basic = (username: string, password: string): string =>
  Buffer.from(`${username}:${password}`).toString('base64');

describe('parseAuthFile', () => {
  test('reads what podman and docker write', () => {
    const text = JSON.stringify({
      auths: {
        'r.example': { auth: basic('me', 'a:b') },
        'https://old.example/v1/': { auth: basic('me', 'x') },
        'https://index.docker.io/v1/': { auth: basic('hub', 'x') },
        'r.example/team/': { identitytoken: 'id' },
        'token.example': { registrytoken: 'bearer' },
        'plain.example': { username: 'u', password: 'p' },
        'empty.example': {},
      },
      credHelpers: { 'helped.example': 'secretservice' },
      credsStore: 'desktop',
    });
    const file = parseAuthFile(text, 'auth.json');
    expect(Object.fromEntries(file.auths)).toEqual({
      'r.example': { kind: 'password', username: 'me', password: 'a:b' },
      'old.example': { kind: 'password', username: 'me', password: 'x' },
      'docker.io': { kind: 'password', username: 'hub', password: 'x' },
      'r.example/team': { kind: 'identity-token', token: 'id' },
      'token.example': { kind: 'registry-token', token: 'bearer' },
      'plain.example': { kind: 'password', username: 'u', password: 'p' },
    });
    expect(Object.fromEntries(file.helpers)).toEqual({ 'helped.example': 'secretservice' });
    expect(file.defaultHelper).toBe('desktop');
  });

  test('an empty file holds nothing', () => {
    expect(parseAuthFile('', 'x').auths.size).toBe(0);
    expect(parseAuthFile('{}', 'x').auths.size).toBe(0);
  });

  test.each([
    [
      '{"auths":{"r":{"auth":"c2VjcmV0"}}}',
      'cannot use the credentials in auth.json, r: its "auth" is not user:password in base64',
    ],
    ['{"secret', 'cannot use the credentials in auth.json: it is not JSON'],
    [
      '{"credsStore":"../../bin/sh"}',
      'cannot use the credentials in auth.json: "../../bin/sh" is not the name of a credential helper',
    ],
  ])('refuses %s without showing secrets', (text, message) => {
    expect(() => parseAuthFile(text, 'auth.json')).toThrow(
      expect.objectContaining({ code: 'OCI_AUTH_FILE_INVALID', message }),
    );
  });
});

describe('credentialsFromFiles', () => {
  test('the first file that knows wins, and in it the most special entry', async () => {
    await using temp = await makeTempDir('auth-test');
    const first = join(temp.path, 'first.json');
    const second = join(temp.path, 'second.json');
    const entry = (username: string): object => ({ auth: basic(username, 'x') });
    await writeFile(
      first,
      JSON.stringify({
        auths: {
          'r.example': entry('host'),
          'r.example/team': entry('team'),
          'r.example/team/os': entry('os'),
        },
      }),
    );
    await writeFile(
      second,
      JSON.stringify({ auths: { 'r.example': entry('second'), 'other.example': entry('other') } }),
    );
    const source = credentialsFromFiles([join(temp.path, 'missing.json'), first, second]);
    const user = async (registry: string, repository: string): Promise<string | undefined> => {
      const found = await source.find(registry, repository);
      return found?.kind === 'password' ? found.username : undefined;
    };
    expect(await user('r.example', 'team/os')).toBe('os');
    expect(await user('r.example', 'team/other')).toBe('team');
    expect(await user('r.example', 'teams/os')).toBe('host');
    expect(await user('other.example', 'os')).toBe('other');
    expect(await user('r.example:5000', 'os')).toBeUndefined();
  });

  test('a file that is there and cannot be used is an error', async () => {
    await using temp = await makeTempDir('auth-test');
    const path = join(temp.path, 'auth.json');
    await writeFile(path, 'x');
    await expect(credentialsFromFiles([path]).find('r', 'os')).rejects.toMatchObject({
      code: 'OCI_AUTH_FILE_INVALID',
    });
  });

  test('asks helpers', async () => {
    await using temp = await makeTempDir('auth-test');
    const before = process.env['PATH'];
    process.env['PATH'] = `${temp.path}:${before}`;
    try {
      const helper = join(temp.path, 'docker-credential-slipwaytest');
      await writeFile(
        helper,
        '#!/bin/sh\nread -r host\ncase $host in\nknown.example) echo \'{"Username":"me","Secret":"s"}\' ;;\ntoken.example) echo \'{"Username":"<token>","Secret":"t"}\' ;;\nbroken.example) exit 1 ;;\n*) echo "credentials not found in native keychain"; exit 1 ;;\nesac\n',
      );
      await chmod(helper, 0o755);
      const path = join(temp.path, 'auth.json');
      await writeFile(
        path,
        JSON.stringify({ credsStore: 'slipwaytest', credHelpers: { 'gone.example': 'no-such-helper' } }),
      );
      const source = credentialsFromFiles([path]);
      expect(await source.find('known.example', 'os')).toEqual({
        kind: 'password',
        username: 'me',
        password: 's',
      });
      expect(await source.find('token.example', 'os')).toEqual({ kind: 'identity-token', token: 't' });
      expect(await source.find('unknown.example', 'os')).toBeUndefined();
      await expect(source.find('broken.example', 'os')).rejects.toMatchObject({
        code: 'OCI_AUTH_FILE_INVALID',
      });
      await expect(source.find('gone.example', 'os')).rejects.toMatchObject({ code: 'TOOL_MISSING' });
    } finally {
      process.env['PATH'] = before;
    }
  });
});

test('paths follow the surroundings', () => {
  const user = { env: { XDG_RUNTIME_DIR: '/run/user/7' }, home: '/home/me', uid: 7 };
  expect(authFilePaths(user)).toEqual([
    '/run/user/7/containers/auth.json',
    '/home/me/.config/containers/auth.json',
    '/home/me/.docker/config.json',
  ]);
  expect(authFilePaths({ env: {}, home: '/root', uid: 0 })).toEqual([
    '/run/containers/0/auth.json',
    '/root/.config/containers/auth.json',
    '/root/.docker/config.json',
    '/etc/slipway/auth.json',
    '/run/ostree/auth.json',
    '/etc/ostree/auth.json',
    '/usr/lib/ostree/auth.json',
  ]);
  expect(authFilePaths({ ...user, env: { REGISTRY_AUTH_FILE: '/x.json' } })).toEqual(['/x.json']);
  expect(registriesConfPaths({ env: {}, home: '/root', uid: 0 })).toEqual({
    files: ['/etc/containers/registries.conf'],
    dropInDirectories: ['/etc/containers/registries.conf.d'],
    chosenAliases: '/var/cache/containers/short-name-aliases.conf',
  });
  expect(registriesConfPaths(user).files).toContain('/home/me/.config/containers/registries.conf');
  expect(registriesConfPaths({ ...user, env: { CONTAINERS_REGISTRIES_CONF: '/x.conf' } })).toEqual({
    files: ['/x.conf'],
    dropInDirectories: [],
  });
  expect(certificateDirectories(user)[0]).toBe('/home/me/.config/containers/certs.d');
});
