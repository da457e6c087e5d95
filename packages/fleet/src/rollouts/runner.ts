import { messageOf } from '@slipway/core';
import type { RolloutRow } from '../database/tables.ts';
import { Periodic } from '../server/periodic.ts';
import type { Services } from '../server/services.ts';
import { firingAlerts } from './alerts.ts';
import { type EngineRecord, holdRollout } from './rollout-store.ts';
import { stepRollout } from './step-rollout.ts';

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
      .selectAll()
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

  async #step({ organisation, name, engine }: RolloutRow): Promise<void> {
    const { database, clock, hub } = this.#services;
    // The network is asked before the transaction, which must be short.
    const alerts = await firingAlerts((JSON.parse(engine) as EngineRecord).policy.alertGate, this.#services);
    await database.transact(async (transaction) => {
      const row = await holdRollout(transaction, organisation, name, 'skip');
      if (row === undefined || row.state === 'superseded') return;
      await stepRollout(transaction, row, this.#services, alerts, clock.nowMs());
    });
    hub.poke();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#rounds[Symbol.asyncDispose]();
  }
}
