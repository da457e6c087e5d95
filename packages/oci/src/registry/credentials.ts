import { readFile } from 'node:fs/promises';
import { errnoOf, isSlipwayError, run, SlipwayError } from '@slipway/core';
import { canonicalRegistry, helperKeyOf } from './well-known.ts';

/** Who we are to a registry. */
export type Credentials =
  | { readonly kind: 'password'; readonly username: string; readonly password: string }
  /** An OAuth 2 refresh token, exchanged for access tokens. */
  | { readonly kind: 'identity-token'; readonly token: string }
  /** Sent as it is. */
  | { readonly kind: 'registry-token'; readonly token: string };

/** Where credentials come from. */
export interface CredentialSource {
  /** Credentials for a repository, or undefined to go there as nobody. */
  find(registry: string, repository: string): Promise<Credentials | undefined>;
}

/** Goes everywhere as nobody. */
export const NO_CREDENTIALS: CredentialSource = { find: () => Promise.resolve(undefined) };

/** What an `auth.json` (containers-auth.json(5)) or Docker's `config.json` holds. */
export interface AuthFile {
  readonly auths: ReadonlyMap<string, Credentials>;
  /** Registry → name of a `docker-credential-*` program. */
  readonly helpers: ReadonlyMap<string, string>;
  /** Program for every registry not in `helpers`. */
  readonly defaultHelper: string | undefined;
}

/**
 * Reads the text of an auth file. Entries that hold nothing are left out, for `podman logout` leaves some.
 *
 * @param path names it in errors
 * @throws SlipwayError OCI_AUTH_FILE_INVALID
 */
export function parseAuthFile(text: string, path: string): AuthFile {
  const json = objectOr(parseJson(text, path));
  const auths = new Map<string, Credentials>();
  for (const [key, entry] of Object.entries(objectOr(json['auths']))) {
    const credentials = readEntry(objectOr(entry), `${path}, ${key}`);
    if (credentials !== undefined) auths.set(normalizeKey(key), credentials);
  }
  const helpers = new Map<string, string>();
  for (const [key, name] of Object.entries(objectOr(json['credHelpers']))) {
    if (typeof name === 'string') helpers.set(normalizeKey(key), checkHelper(name, path));
  }
  const store = json['credsStore'];
  const defaultHelper = typeof store === 'string' && store !== '' ? checkHelper(store, path) : undefined;
  return { auths, helpers, defaultHelper };
}

/**
 * Credentials from the first of several files that has any for the repository; files that do not
 * exist are passed over. An entry for `host/group/name` wins over `host/group`, and that over `host`.
 *
 * @throws SlipwayError OCI_AUTH_FILE_INVALID for a file that is there and cannot be used
 */
export function credentialsFromFiles(paths: readonly string[]): CredentialSource {
  let files: Promise<readonly AuthFile[]> | undefined;
  return {
    async find(registry, repository) {
      files ??= loadAuthFiles(paths);
      for (const file of await files) {
        const found = await findInFile(file, registry, repository);
        if (found !== undefined) return found;
      }
      return undefined;
    },
  };
}

async function loadAuthFiles(paths: readonly string[]): Promise<readonly AuthFile[]> {
  const files: AuthFile[] = [];
  for (const path of paths) {
    try {
      files.push(parseAuthFile(await readFile(path, 'utf8'), path));
    } catch (cause) {
      if (isSlipwayError(cause)) throw cause;
      if (errnoOf(cause) === 'ENOENT' || errnoOf(cause) === 'ENOTDIR') continue;
      throw new SlipwayError('OCI_AUTH_FILE_INVALID', `cannot read ${path}`, { cause });
    }
  }
  return files;
}

async function findInFile(
  file: AuthFile,
  registry: string,
  repository: string,
): Promise<Credentials | undefined> {
  const keys = lookupKeys(registry, repository);
  const helped = keys.find((key) => file.helpers.has(key));
  if (helped !== undefined) return await askHelper(file.helpers.get(helped) ?? '', helped);
  const known = keys.find((key) => file.auths.has(key));
  if (known !== undefined) return file.auths.get(known);
  return file.defaultHelper === undefined ? undefined : await askHelper(file.defaultHelper, registry);
}

/** Most special first: `h/a/b`, `h/a`, `h`. */
function lookupKeys(registry: string, repository: string): string[] {
  const parts = repository.split('/');
  return [...parts.keys(), parts.length]
    .toReversed()
    .map((count) => [registry, ...parts.slice(0, count)].join('/'));
}

/** Docker writes some keys as URLs: `https://host/v1/`. */
function normalizeKey(key: string): string {
  const host = /^https?:\/\/(?<host>[^/]+)/.exec(key)?.groups?.['host'];
  return canonicalRegistry(host ?? key.replace(/\/+$/, ''));
}

function readEntry(entry: Readonly<Record<string, unknown>>, where: string): Credentials | undefined {
  const { identitytoken, registrytoken, auth, username, password } = entry;
  if (isText(identitytoken)) return { kind: 'identity-token', token: identitytoken };
  if (isText(registrytoken)) return { kind: 'registry-token', token: registrytoken };
  if (isText(auth)) {
    // Docker ends the password with NULs on some systems.
    const decoded = Buffer.from(auth, 'base64').toString('utf8').replace(/\0+$/, '');
    const colon = decoded.indexOf(':');
    if (colon === -1) throw invalid(where, 'its "auth" is not user:password in base64');
    return { kind: 'password', username: decoded.slice(0, colon), password: decoded.slice(colon + 1) };
  }
  return isText(username) && isText(password) ? { kind: 'password', username, password } : undefined;
}

/** Asks a credential helper (docker-credential-helpers protocol) for what it has for a registry. */
export async function askHelper(helper: string, registry: string): Promise<Credentials | undefined> {
  const result = await run([`docker-credential-${helper}`, 'get'], {
    describe: `get the credentials for ${registry}`,
    input: helperKeyOf(registry),
    allowExitCodes: [1],
    debianPackage: 'golang-docker-credential-helpers',
  });
  const answer = result.stdout.toString('utf8');
  if (result.exitCode !== 0) {
    // Exit code 1 is also "I have none", told apart by its words.
    if (/credentials not found/i.test(answer + result.stderr)) return undefined;
    throw invalid(`docker-credential-${helper}`, 'it ended with 1');
  }
  const { Username: username, Secret: secret } = objectOr(parseJson(answer, `docker-credential-${helper}`));
  if (!isText(username) || !isText(secret)) return undefined;
  return username === '<token>'
    ? { kind: 'identity-token', token: secret }
    : { kind: 'password', username, password: secret };
}

/** Whether a text can be a helper's name: it becomes part of a program's name. */
export function isHelperName(name: string): boolean {
  return /^[A-Za-z0-9._-]+$/.test(name);
}

function checkHelper(name: string, path: string): string {
  if (isHelperName(name)) return name;
  throw invalid(path, `${JSON.stringify(name)} is not the name of a credential helper`);
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

function objectOr(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

function parseJson(text: string, where: string): unknown {
  try {
    return JSON.parse(text.trim() === '' ? '{}' : text);
  } catch {
    // The parser's own message would quote the file, secrets and all.
    throw invalid(where, 'it is not JSON');
  }
}

function invalid(where: string, problem: string): SlipwayError {
  return new SlipwayError('OCI_AUTH_FILE_INVALID', `cannot use the credentials in ${where}: ${problem}`, {
    hint: 'write it again with: podman login --authfile FILE REGISTRY',
  });
}
