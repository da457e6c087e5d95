import { createHmac, randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { open, realpath } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { errnoOf, SlipwayError } from '@slipway/core';
import { isRelativePath } from '@slipway/fleet-api';
import type { FleetDatabase } from '../database/database.ts';
import { settingMadeOnce } from '../database/setting.ts';

/** A secret is a key or a password, not an archive. */
const MAX_SECRET_BYTES = 2 ** 20;
const KEY_BYTES = 32;
const KEY = 'configuration-key';

/** Whose secret it is, and its path below theirs. */
export interface SecretName {
  readonly organisation: string;
  readonly fleet: string;
  readonly file: string;
}

/**
 * Secrets for devices: files below a directory of the server, `ORGANISATION/FLEET/FILE`, so that who may change one fleet cannot name
 * the secrets of another. They are read when a device is told them, and kept nowhere: not in the database, not in a log, not in an answer
 * for people.
 */
export class SecretFiles {
  readonly #root: string | undefined;
  readonly #key: Uint8Array;

  private constructor(root: string | undefined, key: Uint8Array) {
    this.#root = root;
    this.#key = key;
  }

  /** @param root the directory; undefined: there are no secrets */
  static async open(root: string | undefined, database: FleetDatabase): Promise<SecretFiles> {
    const made = randomBytes(KEY_BYTES).toString('base64url');
    const value = await settingMadeOnce(database, KEY, made);
    return new SecretFiles(root, Buffer.from(value, 'base64url'));
  }

  /**
   * Links are followed within the directory and not out of it.
   *
   * @throws SlipwayError FLEET_SOURCE_FAILED, which names the secret as the fleet does
   */
  async read(name: SecretName): Promise<Buffer> {
    const { organisation, fleet, file } = name;
    if (this.#root === undefined)
      throw failed(name, 'the server has no directory of secrets', 'slipway fleet serve --secrets DIRECTORY');
    if (!isRelativePath(file)) throw failed(name, 'it is no path');
    let bytes: Buffer | undefined;
    try {
      const root = await realpath(this.#root);
      const place = await realpath(join(root, organisation, fleet, file));
      bytes = place.startsWith(`${root}${sep}`) ? await readBounded(place) : undefined;
    } catch (thrown) {
      throw failed(name, errnoOf(thrown) === 'ENOENT' ? 'there is none' : 'it cannot be read');
    }
    if (bytes === undefined) throw failed(name, `it is no file of ${MAX_SECRET_BYTES} bytes at most`);
    return bytes;
  }

  /** A digest nobody can try guesses against: what is in a secret may be short. */
  digest(data: string | Uint8Array): string {
    return `sha256:${createHmac('sha256', this.#key).update(data).digest('hex')}`;
  }
}

/** Undefined for what is no file, or too large. */
async function readBounded(place: string): Promise<Buffer | undefined> {
  // A pipe with nobody at its other end would keep whoever opens it.
  await using file = await open(place, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  const stats = await file.stat();
  if (!stats.isFile() || stats.size > MAX_SECRET_BYTES) return undefined;
  const bytes = Buffer.alloc(stats.size);
  const { bytesRead } = await file.read(bytes, 0, stats.size, 0);
  return bytes.subarray(0, bytesRead);
}

function failed({ file }: SecretName, why: string, hint?: string): SlipwayError {
  const options = hint === undefined ? {} : { hint };
  return new SlipwayError('FLEET_SOURCE_FAILED', `cannot use the secret ${file}: ${why}`, options);
}
