/** Operators and devices that write as fast as they get answers, and know what they were promised. */
import { generateKeyPairSync } from 'node:crypto';
import { type DeviceIdentity, enrol, FleetLink } from '@slipway/agent';
import type { DeviceReport, FleetClient } from '@slipway/fleet-api';

const OPERATORS = 4;
const DEVICES = 3;
/** So many policies each operator makes before it goes back to change and delete those it has. */
const POLICIES = 12;

/** What a thing must be: as the last answer said, or as a write that got none would have made it. */
interface Promised {
  readonly kept: string | null;
  readonly maybe?: string | null;
}

/** Policies hold a text, devices report one; `null` is none. */
export class FleetWriters {
  readonly #authority: string;
  readonly #policies = new Map<string, Promised>();
  readonly #devices = new Map<string, Promised>();
  #identities: DeviceIdentity[] = [];
  #touched = new Set<string>();
  #count = 0;
  #changes = 0;
  #reports = 0;

  constructor(authority: string) {
    this.#authority = authority;
  }

  /** Changes of operators that were acknowledged: each is a record of the audit log. */
  get changes(): number {
    return this.#changes;
  }

  /** Reports of devices that were acknowledged. */
  get reports(): number {
    return this.#reports;
  }

  async prepare(client: FleetClient, server: string): Promise<void> {
    const { secret } = await client.call('enrolmentTokens.create', {
      body: { name: 'writers', uses: DEVICES },
    });
    for (let number = 0; number < DEVICES; number += 1) {
      const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
      const key = privateKey.export({ type: 'pkcs8', format: 'pem' });
      const ask = { token: secret, hostname: `writer-${number}` };
      const signal = new AbortController().signal;
      const identity = await enrol({ server, authority: this.#authority, key, ask, signal });
      this.#identities.push(identity);
      this.#devices.set(identity.name, { kept: null });
    }
  }

  /** Until the server does not answer any more. */
  async writeUntilGone(client: FleetClient, server: string): Promise<void> {
    this.#touched = new Set();
    const operators = Array.from({ length: OPERATORS }, (_, operator) => this.#operate(client, operator));
    await Promise.all([...operators, ...this.#identities.map((identity) => this.#report(server, identity))]);
  }

  /** What was acknowledged and is not there: of what was written since the last kill, or of all. */
  async missing(client: FleetClient, which: 'touched' | 'all' = 'touched'): Promise<readonly string[]> {
    const problems: string[] = [];
    const settle = async (
      all: Map<string, Promised>,
      read: (name: string) => Promise<string | null>,
    ): Promise<void> => {
      for (const [name, promised] of all) {
        if (which === 'touched' && !this.#touched.has(name)) continue;
        const found = await read(name);
        const isRight = found === promised.kept || ('maybe' in promised && found === promised.maybe);
        if (!isRight) problems.push(`${name} is ${found} and was promised as ${promised.kept}`);
        all.set(name, { kept: found });
      }
    };
    const texts = await policyTexts(client);
    await settle(this.#policies, async (name) => texts.get(name) ?? null);
    await settle(this.#devices, async (name) => {
      const { status } = await client.call('devices.get', { params: { name } });
      const text = status.report?.facts['text'];
      return text === undefined ? null : String(text);
    });
    return problems;
  }

  async #operate(client: FleetClient, operator: number): Promise<void> {
    for (;;) {
      const number = this.#count++;
      const name = `policy-${operator}-${number % POLICIES}`;
      const before = this.#policies.get(name)?.kept ?? null;
      // Every third that is there goes.
      const next = before !== null && number % 3 === 0 ? null : `text ${number}`;
      const isDone = await this.#write(this.#policies, name, next, async () => {
        if (next === null) await client.call('policies.delete', { params: { name }, ifMatch: '*' });
        else await putPolicy(client, name, next, before !== null);
      });
      if (!isDone) return;
      this.#changes += 1;
    }
  }

  async #report(server: string, identity: DeviceIdentity): Promise<void> {
    using link = new FleetLink({ server, identity });
    for (;;) {
      const text = `report ${this.#count++}`;
      const isDone = await this.#write(this.#devices, identity.name, text, async () => {
        const body = { reportTag: text, report: reportOf(text) };
        const { reportWanted } = await link.checkIn(body, new AbortController().signal);
        if (reportWanted) throw new Error('the server did not keep a report');
      });
      if (!isDone) return;
      this.#reports += 1;
    }
  }

  /** False: no answer came, and nobody knows whether it was done. */
  async #write(
    all: Map<string, Promised>,
    name: string,
    next: string | null,
    write: () => Promise<void>,
  ): Promise<boolean> {
    const { kept } = all.get(name) ?? { kept: null };
    all.set(name, { kept, maybe: next });
    this.#touched.add(name);
    try {
      await write();
    } catch (thrown) {
      if (isGone(thrown)) return false;
      throw thrown;
    }
    all.set(name, { kept: next });
    return true;
  }
}

/** The connection broke, or none came about. */
function isGone(thrown: unknown): boolean {
  const { code } = thrown as { readonly code?: unknown };
  return code === 'ECONNRESET' || code === 'ECONNREFUSED' || code === 'EPIPE';
}

async function putPolicy(
  client: FleetClient,
  name: string,
  description: string,
  isThere: boolean,
): Promise<void> {
  await client.call('policies.put', {
    params: { name },
    body: { apiVersion: 'slipway/v1', kind: 'Policy', metadata: { name }, spec: { description } },
    ...(isThere ? { ifMatch: '*' } : {}),
  });
}

async function policyTexts(client: FleetClient): Promise<ReadonlyMap<string, string>> {
  const { items } = await client.call('policies.list', { query: { limit: 1000 } });
  return new Map(items.map(({ metadata, spec }) => [metadata.name, spec.description ?? '']));
}

function reportOf(text: string): DeviceReport {
  return {
    agentVersion: '0.1.0',
    architecture: 'amd64',
    bootId: 'b',
    image: { booted: null, staged: null, rollback: null },
    update: { phase: 'idle', updateId: null, target: null },
    health: { state: 'healthy', checks: [] },
    facts: { text },
  };
}
