import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isSlipwayError, makeTempDir } from '@slipway/core';
import { describe, expect, test } from 'vitest';
import { hashPassword, isPassword, parsePasswordHash } from './password.ts';
import { setUser } from './set-user.ts';
import { Tokens } from './tokens.ts';
import { parseUsers, UsersFile } from './users-file.ts';

/** RFC 7914, section 12: password "pleaseletmein", salt "SodiumChloride", N=16384, r=8, p=1. */
const RFC_7914 =
  '7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887';
/** The same in the form passlib writes. */
const HASH: string = [
  '$scrypt$ln=14,r=8,p=1',
  Buffer.from('SodiumChloride').toString('base64').replaceAll('=', ''),
  Buffer.from(RFC_7914, 'hex').toString('base64').replaceAll('=', ''),
].join('$');

function problemOf(text: string): string {
  try {
    parseUsers(text, 'users');
    return '';
  } catch (thrown) {
    return isSlipwayError(thrown, 'REGISTRY_USERS_INVALID') ? thrown.message : 'not ours';
  }
}

describe('passwords', () => {
  test('the vector of RFC 7914', async () => {
    const hash = parsePasswordHash(HASH);
    if (hash === undefined) throw new Error('does not parse');
    expect(await isPassword('pleaseletmein', hash)).toBe(true);
    expect(await isPassword('pleaseletmeout', hash)).toBe(false);
  });

  test('what is hashed here is checked here, each time with another salt', async () => {
    const text = await hashPassword('sécret');
    expect(text).not.toBe(await hashPassword('sécret'));
    const hash = parsePasswordHash(text);
    if (hash === undefined) throw new Error('does not parse');
    expect(await isPassword('sécret', hash)).toBe(true);
  });

  test.each([
    '',
    '$scrypt$',
    HASH.replace('ln=14', 'ln=30'),
    HASH.replace('r=8', 'r=99'),
    HASH.replace('p=1', 'p=99'),
    HASH.replace('p=1', 'p=0'),
    `${HASH}$`,
  ])('%j is no hash we would check', (text) => {
    expect(parsePasswordHash(text)).toBeUndefined();
  });
});

describe('a users file', () => {
  test('names, who may only pull, comments', () => {
    const users = parseUsers(`# who\n\nci:${HASH}\r\nhosts:${HASH}:pull\n`, 'users');
    expect([...users.values()].map(({ name, access }) => [name, access])).toEqual([
      ['ci', 'push'],
      ['hosts', 'pull'],
    ]);
  });

  test.each([
    ['ci', 'line 1: its hash does not parse'],
    [':x', 'line 1: it is not NAME:HASH'],
    [`ci:${HASH}:root`, 'line 1: "root" is neither pull nor push'],
    [`a:${HASH}\na:${HASH}`, 'line 2: a is there twice'],
    ['ci:$2y$05$abcdefghijklmnopqrstuv', 'line 1: hashes of the kind $2y$ cannot be checked here'],
    ['ci:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=', 'line 1: hashes of the kind {SHA} cannot be checked here'],
    ['ci:secret', 'line 1: its hash does not parse'],
  ])('%j is refused', (text, problem) => {
    expect(problemOf(text)).toContain(problem);
    expect(problemOf(text)).not.toContain('secret');
  });

  test('is written by us: for its owner only, others stay, one line a user', async () => {
    await using dir = await makeTempDir('users');
    const path = join(dir.path, 'users');
    await setUser(path, { name: 'ci', password: 'one', access: 'push' });
    await writeFile(path, `# keep me\n${await readFile(path, 'utf8')}`);
    await setUser(path, { name: 'hosts', password: 'two', access: 'pull' });
    await setUser(path, { name: 'ci', password: 'three', access: 'push' });
    const text = await readFile(path, 'utf8');
    expect(text.split('\n')).toHaveLength(4);
    expect(text).toMatch(/^# keep me\nhosts:\$scrypt\$.*:pull\nci:\$scrypt\$[^:]*\n$/);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    const { users } = await new UsersFile(path).read();
    expect(await isPassword('three', users.get('ci')?.password ?? parseFailed())).toBe(true);
    for (const name of ['', 'a:b', 'a b', '#a', 'a\nb']) {
      await expect(setUser(path, { name, password: 'x', access: 'push' })).rejects.toMatchObject({
        code: 'USAGE',
      });
    }
    await expect(setUser(path, { name: 'x', password: '', access: 'push' })).rejects.toMatchObject({
      code: 'USAGE',
    });
  });

  test('that is not there lets nobody in', async () => {
    await expect(new UsersFile('/nowhere/users').read()).rejects.toMatchObject({
      code: 'REGISTRY_USERS_INVALID',
    });
  });
});

describe('tokens', () => {
  test('are good for their time, in their process, as they are', () => {
    const tokens = new Tokens();
    const token = tokens.issue({ user: 'ci', access: 'push' }, 1000);
    expect(tokens.check(token, 2000)).toEqual({ user: 'ci', access: 'push' });
    expect(tokens.check(token, 400_000)).toBeUndefined();
    expect(new Tokens().check(token, 2000)).toBeUndefined();
    const [payload = '', signature = ''] = token.split('.');
    const forged = Buffer.from('{"user":"root","access":"push","endMs":1e99}').toString('base64url');
    for (const text of [
      '',
      '.',
      payload,
      `${forged}.${signature}`,
      `${payload}.`,
      `.${signature}`,
      'x'.repeat(5000),
    ]) {
      expect(tokens.check(text, 2000)).toBeUndefined();
    }
    expect(tokens.check(tokens.issue({ user: undefined, access: 'pull' }, 0), 0)).toEqual({
      user: undefined,
      access: 'pull',
    });
  });
});

function parseFailed(): never {
  throw new Error('the user is not there');
}
