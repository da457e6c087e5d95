import { randomUUID } from 'node:crypto';
import { messageOf } from '@slipway/core';
import type { RolloutRow } from '../database/tables.ts';
import { Periodic } from '../server/periodic.ts';
import type { Services } from '../server/services.ts';
import { firingAlerts } from './alerts.ts';
import { type EngineRecord, findRollout } from './rollout-store.ts';
import { writeStep } from './write-step.ts';

/** Rollouts that ended are looked at this much less often than those under way: for newcomers. */
const ENDED_TIMES = 15;
/** A step may take this share of the time at most, so that a huge fleet leaves the server its breath. */
const BREATH = 4;
const ENDED = new Set(['succeeded', 'failed', 'aborted', 'rolled-back']);

/**
 * Keeps rollouts going. Any number of replicas may: a rollout is stepped under a lock on its row, by whoever comes first.
 */
export class RolloutRunner implements AsyncDisposable {
  readonly #services: Services;
  readonly #nextMs = new Map<string, number>();
  readonly #everyMs: number;
  readonly #rounds: Periodic;

  /** @param everyMs how often rollouts under way are looked at */
  constructor(services: Services, everyMs: number) {
    this.#services = services;
    this.#everyMs = everyMs;
    this.#rounds = new Periodic(
      everyMs,
      () => this.#stepAll(),
      (error) => services.log.error('cannot look at rollouts', { reason: messageOf(error) }),
    );
  }

  /** Steps every rollout whose time has come. */
  async #stepAll(): Promise<void> {
    const { database } = this.#services;
    const rows = await database.reads
      .selectFrom('rollouts')
      .select(['organisation', 'name', 'state'])
      .where('state', '!=', 'superseded')
      .execute();
    for (const row of rows) {
      const key = `${row.organisation}/${row.name}`;
      if ((this.#nextMs.get(key) ?? 0) > performance.now()) continue;
      const startMs = performance.now();
      try {
        await this.#step(row);
      } catch (error) {
        this.#services.log.error('cannot step a rollout', { rollout: row.name, reason: messageOf(error) });
      }
      const tookMs = performance.now() - startMs;
      this.#nextMs.set(
        key,
        performance.now() +
          Math.max(this.#everyMs * (ENDED.has(row.state) ? ENDED_TIMES : 1) - 1, tookMs * BREATH),
      );
    }
  }

  /** Reads and decides before the transaction, which must be short: while it is open nobody else writes to a file. */
  async #step({ organisation, name }: Pick<RolloutRow, 'organisation' | 'name'>): Promise<void> {
    const { database, clock, hub, rollouts } = this.#services;
    const row = await findRollout(database.reads, organisation, name);
    if (row === undefined || row.state === 'superseded') return;
    const { alertGate } = (JSON.parse(row.engine) as EngineRecord).policy;
    const alerts = await firingAlerts(alertGate, this.#services);
    const outcome = await rollouts.do({
      kind: 'decide',
      row,
      alerts,
      nowMs: clock.nowMs(),
      step: randomUUID(),
    });
    if (outcome === undefined) return;
    await database.transact(async (transaction) => await writeStep(transaction, row, outcome));
    hub.poke();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#rounds[Symbol.asyncDispose]();
  }
}
