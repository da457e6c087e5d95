import type { Worker } from 'node:worker_threads';
import { type ThrownInThread, unpackThrown, WorkerScript } from '@slipway/core/thread';
import type { FleetDatabase } from '../database/database.ts';
import type { Presence } from '../devices/presence.ts';
import { doJob, type JobResult, type RolloutJob } from './rollout-jobs.ts';

const SCRIPT = new WorkerScript(import.meta.url, 'rollout-worker');
/** A decision about fewer devices takes less than the thread's way there and back, and is made where it is asked for. */
const LARGE = 5000;
/** So long without a job the thread is kept: what it holds of memory is that of a large fleet. */
const IDLE_MS = 120_000;

export interface WorkerData {
  readonly database: string;
}

export interface WorkerQuestion {
  readonly id: number;
  readonly job: RolloutJob;
}

export interface WorkerAnswer {
  readonly id: number;
  readonly result?: unknown;
  readonly failure?: ThrownInThread;
}

/**
 * Does jobs about rollouts: those of large fleets in a thread of its own, which is there while there are any. What the thread finds is as
 * good as what another replica finds; it writes nothing, so when it ends, by itself or with the server, nothing is lost.
 */
export class RolloutThread implements AsyncDisposable {
  readonly #database: FleetDatabase;
  readonly #where: string;
  readonly #presence: Pick<Presence, 'lastSeen'>;
  readonly #waiting = new Map<number, PromiseWithResolvers<unknown>>();
  readonly #large: number;
  #worker: Worker | undefined;
  #idle: NodeJS.Timeout | undefined;
  #asked = 0;

  /**
   * @param where of the database, for a connection of the thread's own
   * @param large devices from which on a fleet is one
   */
  constructor(
    database: FleetDatabase,
    where: string,
    presence: Pick<Presence, 'lastSeen'>,
    large: number = LARGE,
  ) {
    this.#large = large;
    this.#database = database;
    this.#where = where;
    this.#presence = presence;
  }

  async do<Job extends RolloutJob>(job: Job): Promise<JobResult<Job>> {
    const { organisation, fleet } = job.kind === 'decide' ? job.row : { ...job, fleet: job.spec.fleet };
    if (!SCRIPT.isThere() || !(await this.#isLarge(organisation, fleet)))
      return await doJob(this.#database.reads, job, this.#presence);
    return (await this.#ask(job)) as JobResult<Job>;
  }

  async #isLarge(organisation: string, fleet: string): Promise<boolean> {
    const { count } = await this.#database.reads
      .selectFrom((from) =>
        from
          .selectFrom('devices')
          .select('name')
          .where('organisation', '=', organisation)
          .where('fleet', '=', fleet)
          .where('lifecycle', '=', 'enrolled')
          .limit(this.#large)
          .as('some'),
      )
      .select((select) => select.fn.countAll<number>().as('count'))
      .executeTakeFirstOrThrow();
    return count >= this.#large;
  }

  async #ask(job: RolloutJob): Promise<unknown> {
    clearTimeout(this.#idle);
    const worker = (this.#worker ??= this.#start());
    const id = (this.#asked += 1);
    const answered = Promise.withResolvers<unknown>();
    this.#waiting.set(id, answered);
    worker.postMessage({ id, job } satisfies WorkerQuestion, []);
    return await answered.promise;
  }

  #start(): Worker {
    const worker = SCRIPT.start({ workerData: { database: this.#where } satisfies WorkerData });
    worker.on('message', (answer: WorkerAnswer) => this.#hear(answer));
    worker.on('error', (error: Error) => this.#end(worker, error));
    worker.on('exit', () => this.#end(worker, new Error('the thread that decides about rollouts ended')));
    return worker;
  }

  #hear({ id, result, failure }: WorkerAnswer): void {
    const answered = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (failure === undefined) answered?.resolve(result);
    else answered?.reject(unpackThrown(failure));
    if (this.#waiting.size > 0) return;
    this.#idle = setTimeout(() => void this.#stop(), IDLE_MS).unref();
  }

  /** Whoever waits hears of it; the next job has a new thread. */
  #end(worker: Worker, error: Error): void {
    if (this.#worker !== worker) return;
    this.#worker = undefined;
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }

  async #stop(): Promise<void> {
    await this.#worker?.terminate();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearTimeout(this.#idle);
    await this.#stop();
  }
}
