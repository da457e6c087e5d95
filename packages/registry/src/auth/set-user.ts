import { randomBytes } from 'node:crypto';
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { errnoOf, SlipwayError } from '@slipway/core';
import { syncDirectory } from '../store/durable.ts';
import { hashPassword } from './password.ts';
import { type Access, isUserName, parseUsers } from './users-file.ts';

/** A user to be written into a users file. */
export interface NewUser {
  readonly name: string;
  readonly password: string;
  readonly access: Access;
}

const MAX_PASSWORD_LENGTH = 1024;

/**
 * Adds a user to a users file, or gives one that is there a new password; makes the file when there is none. Other lines and
 * comments stay. A power cut leaves the old file or the new one. Only its owner may read it.
 *
 * @throws SlipwayError REGISTRY_USERS_INVALID, USAGE for a name or password that cannot be used
 */
export async function setUser(path: string, { name, password, access }: NewUser): Promise<void> {
  checkUser(name, password);
  const before = await readIfThere(path);
  parseUsers(before, path);
  const line = `${name}:${await hashPassword(password)}${access === 'pull' ? ':pull' : ''}`;
  const others = before.split('\n').filter((other) => !other.trim().startsWith(`${name}:`));
  const lines = [...others.filter((other, at) => other !== '' || at < others.length - 1), line];
  const temporary = `${path}.${randomBytes(8).toString('hex')}`;
  try {
    await writeFile(temporary, `${lines.join('\n')}\n`, { mode: 0o600, flag: 'wx', flush: true });
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncDirectory(dirname(path));
}

function checkUser(name: string, password: string): void {
  if (!isUserName(name)) {
    throw new SlipwayError('USAGE', `cannot use ${JSON.stringify(name)} as a name`, {
      hint: 'a name has neither spaces nor ":", and does not start with "#"',
    });
  }
  if (password === '' || password.length > MAX_PASSWORD_LENGTH) {
    throw new SlipwayError('USAGE', 'cannot use this password', {
      hint: `a password has 1 to ${MAX_PASSWORD_LENGTH} characters`,
    });
  }
}

async function readIfThere(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    if (errnoOf(cause) === 'ENOENT') return '';
    throw new SlipwayError('IO_FAILED', `cannot read ${path}`, { cause });
  }
}
