import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeTempDir } from '@slipway/core';
import { describe, expect, test } from 'vitest';
import type { Credentials } from './credentials.ts';
import { loadCredentialHelpers, machineCredentials } from './machine-credentials.ts';

/** Says what it was asked for, has something for one host, fails for another. */
const helperScript = (name: string, log: string, answers: string): string => `#!/bin/sh
read -r host
echo "${name} $1 $host" >> ${log}
case $host in
${answers}
broken.example) echo "the keyring is locked" >&2; exit 1 ;;
*) echo "credentials not found in native keychain"; exit 1 ;;
esac
`;

interface Machine extends AsyncDisposable {
  /** Credentials, or what an error says. */
  find(registry: string): Promise<Credentials | undefined>;
  /** What helpers were asked, since the last time. */
  asked(): Promise<readonly string[]>;
}

/** Two helpers, an auth file, and files of registries.conf. */
async function machine(...conf: readonly string[]): Promise<Machine> {
  const temp = await makeTempDir('helpers-test');
  const before = process.env['PATH'];
  const [bin, confDir, log] = ['bin', 'conf.d', 'log'].map((name) => join(temp.path, name)) as [
    string,
    string,
    string,
  ];
  await mkdir(bin);
  await mkdir(confDir);
  await writeFile(log, '');
  const answer = (user: string): string => `echo '{"Username":"${user}","Secret":"s"}' ;;`;
  const scripts = {
    first: helperScript('first', log, `both.example) ${answer('first')}`),
    second: helperScript(
      'second',
      log,
      `both.example|second.example|file.example) ${answer('second')}\ntoken.example) ${answer('<token>')}`,
    ),
  };
  for (const [name, script] of Object.entries(scripts)) {
    await writeFile(join(bin, `docker-credential-${name}`), script);
    await chmod(join(bin, `docker-credential-${name}`), 0o755);
  }
  const auth = Buffer.from('file:s').toString('base64');
  const authFile = join(temp.path, 'auth.json');
  const auths = { 'file.example': { auth }, 'only-file.example/team': { auth } };
  await writeFile(authFile, JSON.stringify({ auths, credHelpers: { 'own.example': 'second' } }));
  for (const [index, text] of conf.entries()) await writeFile(join(confDir, `${index}.conf`), text);
  process.env['PATH'] = `${bin}:${before}`;
  const source = machineCredentials({
    authFiles: [authFile],
    registriesConf: { files: [], dropInDirectories: [confDir] },
  });
  return {
    find: (registry) => source.find(registry, 'team/os'),
    async asked() {
      const lines = (await readFile(log, 'utf8')).split('\n').filter((line) => line !== '');
      await writeFile(log, '');
      return lines;
    },
    async [Symbol.asyncDispose]() {
      process.env['PATH'] = before;
      await temp[Symbol.asyncDispose]();
    },
  };
}

const user = (username: string): Credentials => ({ kind: 'password', username, password: 's' });

describe('credential-helpers', () => {
  test('the auth files alone, when none are named', async () => {
    for (const conf of [[], ['credential-helpers = []'], ['unqualified-search-registries = ["a.example"]']]) {
      await using host = await machine(...conf);
      expect(await host.find('file.example')).toEqual(user('file'));
      expect(await host.find('only-file.example')).toEqual(user('file'));
      expect(await host.find('second.example')).toBeUndefined();
      expect(await host.asked()).toEqual([]);
    }
  });

  test('are asked in their order, by the host, until one has something', async () => {
    await using host = await machine('credential-helpers = ["first", "containers-auth.json", "second"]');
    expect(await host.find('both.example')).toEqual(user('first'));
    expect(await host.asked()).toEqual(['first get both.example']);
    expect(await host.find('file.example')).toEqual(user('file'));
    expect(await host.asked()).toEqual(['first get file.example']);
    expect(await host.find('second.example')).toEqual(user('second'));
    expect(await host.asked()).toEqual(['first get second.example', 'second get second.example']);
    expect(await host.find('token.example')).toEqual({ kind: 'identity-token', token: 's' });
    expect(await host.find('nobody.example')).toBeUndefined();
  });

  test('without containers-auth.json no auth file is read', async () => {
    await using host = await machine('credential-helpers = ["second"]');
    expect(await host.find('file.example')).toEqual(user('second'));
    expect(await host.find('only-file.example')).toBeUndefined();
  });

  test('a helper an auth file names for a registry comes where the auth files stand', async () => {
    await using host = await machine('credential-helpers = ["first", "containers-auth.json"]');
    expect(await host.find('own.example')).toBeUndefined();
    expect(await host.asked()).toEqual(['first get own.example', 'second get own.example']);
  });

  test('the last file that names any counts', async () => {
    await using host = await machine(
      'credential-helpers = ["first"]',
      '[aliases]\na = "r.example/a"',
      'credential-helpers = ["second"]',
    );
    expect(await host.find('both.example')).toEqual(user('second'));
  });

  test('one that fails hides no other; when none has any, all are told', async () => {
    await using host = await machine('credential-helpers = ["missing-one", "second"]');
    expect(await host.find('both.example')).toEqual(user('second'));
    await expect(host.find('nobody.example')).rejects.toMatchObject({ code: 'TOOL_MISSING' });
    await expect(host.find('broken.example')).rejects.toMatchObject({
      code: 'OCI_AUTH_FILE_INVALID',
      message: expect.stringMatching(
        /broken\.example: .*docker-credential-missing-one.*; .*docker-credential-second/,
      ),
    });
  });

  test.each([
    ['credential-helpers = "first"', 'credential-helpers is not a list of texts'],
    ['credential-helpers = ["../../bin/sh"]', '"../../bin/sh" is not the name of a credential helper'],
  ])('refuses %s', async (text, problem) => {
    await using temp = await makeTempDir('helpers-test');
    await writeFile(join(temp.path, 'a.conf'), text);
    await expect(
      loadCredentialHelpers({ files: [join(temp.path, 'a.conf')], dropInDirectories: [] }),
    ).rejects.toMatchObject({
      code: 'OCI_REGISTRIES_CONF_INVALID',
      message: expect.stringContaining(problem),
    });
  });
});
