/**
 * Who may use a registry: a file with one line a user, `NAME:HASH` or `NAME:HASH:pull`, and comments after `#`. It is the form of
 * htpasswd with a better hash (`password.ts`), and a third field for those who may only pull.
 */

import { readFile, stat } from 'node:fs/promises';
import { messageOf, SlipwayError } from '@slipway/core';
import { type PasswordHash, parsePasswordHash } from './password.ts';

/** What somebody may do; who may push may also pull and delete. */
export type Access = 'pull' | 'push';

/** One line of the file. */
export interface User {
  readonly name: string;
  readonly password: PasswordHash;
  readonly access: Access;
}

const USER_NAME = /^[^\s:#][^\s:]{0,254}$/;
const MAX_FILE_BYTES = 4 << 20;

/** Whether a text can stand as a user's name in the file. */
export function isUserName(text: string): boolean {
  return USER_NAME.test(text);
}

/**
 * Reads the text of a users file.
 *
 * @param path names it in errors
 * @throws SlipwayError REGISTRY_USERS_INVALID with the line
 */
export function parseUsers(text: string, path: string): ReadonlyMap<string, User> {
  const users = new Map<string, User>();
  for (const [at, line] of text.split('\n').entries()) {
    const trimmed = line.trim();
    if (trimmed === '' || trimmed.startsWith('#')) continue;
    const user = parseUser(trimmed);
    if (typeof user === 'string') throw invalid(path, `line ${at + 1}: ${user}`);
    if (users.has(user.name)) throw invalid(path, `line ${at + 1}: ${user.name} is there twice`);
    users.set(user.name, user);
  }
  return users;
}

/** A users file that may change while a registry runs: it is read again when it is another one. */
export class UsersFile {
  readonly path: string;
  #version = '';
  #users: ReadonlyMap<string, User> = new Map();

  constructor(path: string) {
    this.path = path;
  }

  /**
   * The users now, and a text that changes when they do.
   *
   * @throws SlipwayError REGISTRY_USERS_INVALID: nobody is let in by a file that cannot be read
   */
  async read(): Promise<{ readonly users: ReadonlyMap<string, User>; readonly version: string }> {
    try {
      const { ino, size, mtimeNs } = await stat(this.path, { bigint: true });
      const version = `${ino}-${size}-${mtimeNs}`;
      if (size > MAX_FILE_BYTES) throw invalid(this.path, `it is larger than ${MAX_FILE_BYTES} bytes`);
      if (version !== this.#version) {
        this.#users = parseUsers(await readFile(this.path, 'utf8'), this.path);
        this.#version = version;
      }
      return { users: this.#users, version };
    } catch (cause) {
      throw cause instanceof SlipwayError ? cause : invalid(this.path, messageOf(cause), cause);
    }
  }
}

function parseUser(line: string): User | string {
  const [name = '', hash = '', access = 'push', ...more] = line.split(':');
  if (!isUserName(name) || more.length > 0) return 'it is not NAME:HASH or NAME:HASH:pull';
  if (access !== 'pull' && access !== 'push') return `${JSON.stringify(access)} is neither pull nor push`;
  const password = parsePasswordHash(hash);
  if (password !== undefined) return { name, password, access };
  // Only how it begins: the file holds secrets, an error does not.
  const kind = /^\$[A-Za-z0-9]{1,10}\$|^\{[A-Z0-9]{1,10}\}/.exec(hash)?.[0];
  return kind === undefined || kind === '$scrypt$'
    ? 'its hash does not parse'
    : `hashes of the kind ${kind} cannot be checked here`;
}

function invalid(path: string, problem: string, cause?: unknown): SlipwayError {
  return new SlipwayError('REGISTRY_USERS_INVALID', `cannot use ${path}: ${problem}`, {
    hint: 'write it with: slipway registry passwd --users FILE NAME',
    cause,
  });
}
