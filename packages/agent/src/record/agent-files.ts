import { createPrivateKey, X509Certificate } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileDurably } from '@slipway/boot';
import type { Logger } from '@slipway/core';
import { type AgentRecord, EMPTY_RECORD } from '../plan/situation.ts';
import type { DeviceIdentity } from '../protocol/identity.ts';
import { readText } from './read-text.ts';
import type { RecordStore } from './record-store.ts';

type Json = Readonly<Record<string, unknown>>;
const SECRET = 0o600;

/**
 * What the agent keeps on disk: `/var/lib/slipway/agent`. Every file is replaced as a whole: a power cut leaves the one before or
 * the new one.
 */
export class AgentFiles implements RecordStore {
  readonly directory: string;
  readonly #log: Logger;

  constructor(directory: string, log: Logger) {
    this.directory = directory;
    this.#log = log;
  }

  async prepare(): Promise<void> {
    await mkdir(this.directory, { recursive: true, mode: 0o700 });
  }

  /** The key of this host where it is kept in a file. */
  async readKey(): Promise<string | undefined> {
    const text = await readText(this.#path('key.pem'));
    if (text?.includes('PRIVATE KEY') === true) return text;
    // Agents before this one had it beside the certificate, too.
    const key = (await this.#read('identity.json'))?.['key'];
    if (typeof key !== 'string') return undefined;
    await this.saveKey(key);
    return key;
  }

  async saveKey(pem: string): Promise<void> {
    await writeFileDurably(this.#path('key.pem'), pem, SECRET);
  }

  /** Nothing of it is left in a file. */
  async removeKey(): Promise<void> {
    const { key, ...rest } = (await this.#read('identity.json')) ?? {};
    if (key !== undefined) await this.#write('identity.json', rest);
    await this.remove('key.pem');
  }

  /**
   * What this host is by its key; undefined: it has not enrolled at this server yet, or did so by another key.
   *
   * @param key PEM
   */
  async identity(server: string, key: string): Promise<DeviceIdentity | undefined> {
    const json = await this.#read('identity.json');
    const { name, certificate, authority } = json ?? {};
    const texts = [name, certificate, authority];
    if (json?.['server'] !== server || texts.some((text) => typeof text !== 'string')) return undefined;
    const identity = { name, key, certificate, authority } as DeviceIdentity;
    if (new X509Certificate(identity.certificate).checkPrivateKey(createPrivateKey(key))) return identity;
    this.#log.warn('the certificate of this host is for another key, and is not used', {
      name: identity.name,
    });
    return undefined;
  }

  /** The key is kept elsewhere, as it is to be kept. */
  async saveIdentity(server: string, { name, certificate, authority }: DeviceIdentity): Promise<void> {
    await this.#write('identity.json', { server, name, certificate, authority });
  }

  async load(): Promise<AgentRecord> {
    const json = await this.#read('record.json');
    return json?.['version'] === EMPTY_RECORD.version ? (json as unknown as AgentRecord) : EMPTY_RECORD;
  }

  async save(record: AgentRecord): Promise<void> {
    await this.#write('record.json', record);
  }

  async readJson(name: string): Promise<Json | undefined> {
    return await this.#read(name);
  }

  async writeJson(name: string, value: object): Promise<void> {
    await this.#write(name, value);
  }

  async remove(name: string): Promise<void> {
    await rm(this.#path(name), { force: true });
  }

  /**
   * The identity goes first: a cut afterwards leaves a host that is no device, with things it no longer needs. Of a key the TPM sealed
   * nothing is left either: the TPM keeps nothing of it.
   */
  async forget(): Promise<void> {
    for (const name of ['identity.json', 'key.pem', 'key.tpm.json', 'record.json']) await this.remove(name);
  }

  async #write(name: string, value: object): Promise<void> {
    await writeFileDurably(this.#path(name), `${JSON.stringify(value, undefined, 2)}\n`, SECRET);
  }

  /** A damaged file is as none: everything in it can be had again. */
  async #read(name: string): Promise<Json | undefined> {
    const text = await readText(this.#path(name));
    if (text === undefined) return undefined;
    try {
      const value: unknown = JSON.parse(text);
      if (typeof value === 'object' && value !== null) return value as Json;
    } catch {
      // Said below.
    }
    this.#log.warn('a file of the agent is damaged and not used', { path: this.#path(name) });
    return undefined;
  }

  #path(name: string): string {
    return join(this.directory, name);
  }
}
