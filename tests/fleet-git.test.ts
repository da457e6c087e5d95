/** Git repositories as a fleet server follows them: read by git from git's own server, applied, kept to. */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { makeTempDir, type TempDir } from '@slipway/core';
import type { GitRepositorySpec } from '@slipway/fleet-api';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type GitFile, GitReader } from '../packages/fleet/src/gitops/git-reader.ts';
import { OutboundGuard } from '../packages/fleet/src/outbound/outbound-guard.ts';
import { type GitServer, startGitServer } from '../packages/fleet/src/testing/git-server.ts';
import { gitSuite } from '../packages/fleet/src/testing/git-suite.ts';
import { sqlitePlaces } from '../packages/fleet/src/testing/places.ts';

let server: GitServer;
beforeAll(async () => {
  server = await startGitServer();
}, 60_000);
afterAll(async () => await server[Symbol.asyncDispose]());
afterEach(() => {
  server.intercept = () => false;
});

let directory: TempDir;
beforeAll(async () => {
  directory = await makeTempDir('fleet-git');
});
afterAll(async () => await directory[Symbol.asyncDispose]());

gitSuite(
  'sqlite',
  sqlitePlaces(() => directory.path),
);

const loopback = new OutboundGuard(['127.0.0.0/8']);

async function read(
  spec: Partial<GitRepositorySpec> = {},
  { guard = loopback, token = null as string | null } = {},
): Promise<{ readonly head: string; readonly commit: string; readonly files: readonly GitFile[] }> {
  const whole = { url: server.url, caCertificate: server.authority, ...spec };
  await using reader = await GitReader.open(whole, token, guard, new AbortController().signal);
  return { head: await reader.head(), ...(await reader.files()) };
}

describe('a repository', { timeout: 60_000 }, () => {
  test('is read as it is committed: only files of resources, and no links', async () => {
    await server.commit({ 'a.yaml': 'old' });
    const commit = await server.commit({
      'a.yaml': 'ä: 1\n',
      'deep/er/b.yml': '',
      'deep/c.json': '{}',
      'README.md': 'words',
      '.github/d.yaml': 'hidden',
      'passwords.yaml': '-> /etc/passwd',
      '.gitattributes': '* filter=evil\n',
    });
    const found = await read();
    expect(found).toEqual({
      head: commit,
      commit,
      files: [
        { name: 'a.yaml', text: 'ä: 1\n' },
        { name: 'deep/c.json', text: '{}' },
        { name: 'deep/er/b.yml', text: '' },
      ],
    });
    expect((await read({ path: 'deep' })).files.map(({ name }) => name)).toEqual(['c.json', 'er/b.yml']);
    await expect(read({ path: 'elsewhere' })).rejects.toMatchObject({ code: 'FLEET_GIT_FAILED' });
    await expect(read({ branch: 'other' })).rejects.toMatchObject({
      code: 'FLEET_GIT_FAILED',
      message: `cannot find the branch other in ${server.url}`,
    });
  });

  test('is reached only where the guard lets it, and by a server that is who it says', async () => {
    await expect(read({}, { guard: new OutboundGuard() })).rejects.toMatchObject({
      code: 'FLEET_ADDRESS_REFUSED',
    });
    const { signal } = new AbortController();
    await using reader = await GitReader.open({ url: server.url }, null, loopback, signal);
    await expect(reader.head()).rejects.toMatchObject({ code: 'FLEET_GIT_FAILED' });
  });

  test('does not lead elsewhere', async () => {
    const asked: string[] = [];
    server.intercept = (request, response) => {
      asked.push(request.url ?? '');
      response.writeHead(302, { location: `https://localhost:1/work/.git/info/refs` }).end();
      return true;
    };
    await expect(read()).rejects.toMatchObject({ code: 'FLEET_GIT_FAILED' });
    expect(asked).toHaveLength(1);
  });

  test('gets its token as a header, and nobody hears of it', async () => {
    await server.commit({ 'a.yaml': '' });
    server.authorizations.clear();
    await read({ user: 'robot' }, { token: 'secret' });
    const basic = `Basic ${Buffer.from('robot:secret').toString('base64')}`;
    expect([...server.authorizations]).toEqual([basic]);
    server.intercept = (_request, response) => {
      response.writeHead(403).end();
      return true;
    };
    const refused = read({}, { token: 'secret' }).catch((error: unknown) => String(error));
    expect(await refused).toContain('403');
    expect(await refused).not.toContain('secret');
  });

  test('is signed by who it must be', async () => {
    await using keys = await makeTempDir('git-signers');
    const keyOf = async (name: string): Promise<{ readonly file: string; readonly text: string }> => {
      const file = join(keys.path, name);
      await promisify(execFile)('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', name, '-f', file]);
      return { file, text: (await readFile(`${file}.pub`, 'utf8')).trim() };
    };
    const [anna, boris] = [await keyOf('anna'), await keyOf('boris')];
    await server.git('config', 'gpg.format', 'ssh');
    await server.git('config', 'user.signingKey', anna.file);
    await server.commit({ 'a.yaml': 'signed' }, '-S');
    expect((await read({ signers: [boris.text, anna.text] })).files).toHaveLength(1);
    await expect(read({ signers: [boris.text] })).rejects.toThrow('is not signed by any of the signers');
    await server.commit({ 'a.yaml': 'not signed' });
    await expect(read({ signers: [anna.text] })).rejects.toThrow('is not signed by any of the signers');
  });

  test('that unfolds without end is refused', async () => {
    await server.commit({ 'a.yaml': '' });
    let tree = await server.git('rev-parse', 'HEAD^{tree}');
    for (let level = 0; level < 6; level += 1) {
      const lines = Array.from({ length: 10 }, (_each, index) => `040000 tree ${tree}\td${index}`);
      tree = await server.makeTree(`${lines.join('\n')}\n`);
    }
    const commit = await server.git('commit-tree', '-m', 'bomb', tree);
    await server.git('update-ref', 'refs/heads/bomb', commit);
    await expect(read({ branch: 'bomb' })).rejects.toThrow('more than 10000 files');
  });

  test('of files too large is refused', async () => {
    await server.commit({ 'a.yaml': '#'.repeat(17 * 2 ** 20) });
    await expect(read()).rejects.toThrow('cannot read more than');
  });

  test('that is no repository says so', async () => {
    server.intercept = (_request, response) => {
      response
        .writeHead(200, { 'content-type': 'application/x-git-upload-pack-advertisement' })
        .end('\u001b[31mffffnonsense\u0000');
      return true;
    };
    const message = await read().catch((error: unknown) => String(error));
    expect(message).toMatch(/cannot look at/);
    // oxlint-disable-next-line no-control-regex
    expect(message).not.toMatch(/[\u0000-\u001f]/);
  });
});
