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

  /** The key of this host; made on the first call. It is on disk before anybody hears of it. */
  async key(make: () => Promise<string>): Promise<string> {
    const known = await readText(this.#path('key.pem'));
    if (known !== undefined && known.includes('PRIVATE KEY')) return known;
    const key = await make();
    await writeFileDurably(this.#path('key.pem'), key, SECRET);
    return key;
  }

  /** Undefined: it has not enrolled at this server yet. */
  async identity(server: string): Promise<DeviceIdentity | undefined> {
    const json = await this.#read('identity.json');
    const { name, key, certificate, authority } = json ?? {};
    const texts = [name, key, certificate, authority];
    if (json?.['server'] !== server || texts.some((text) => typeof text !== 'string')) return undefined;
    return { name, key, certificate, authority } as DeviceIdentity;
  }

  async saveIdentity(server: string, identity: DeviceIdentity): Promise<void> {
    await this.#write('identity.json', { server, ...identity });
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

  /** The identity goes first: a cut afterwards leaves a host that is no device, with things it no longer needs. */
  async forget(): Promise<void> {
    for (const name of ['identity.json', 'key.pem', 'record.json']) await this.remove(name);
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
