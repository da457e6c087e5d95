import { type Clock, isSlipwayError, type Logger, messageOf } from '@slipway/core';
import type {
  CheckInAnswer,
  DesiredState,
  DeviceReport,
  ReportedFailure,
  UpdatePhase,
} from '@slipway/fleet-api';
import type { AgentHost } from '../host/agent-host.ts';
import { planStep } from '../plan/plan-step.ts';
import { type AgentRecord, EMPTY_RECORD, type ObservedHost, type UpdateRecord } from '../plan/situation.ts';
import type { HostStep, RecordStep, Step } from '../plan/step.ts';
import type { FleetLink } from '../protocol/fleet-link.ts';
import type { RecordStore } from '../record/record-store.ts';
import { Bell } from './bell.ts';
import { recordAfter } from './record-step.ts';
import { reportOf, type TaggedReport } from './report.ts';
import { Talk } from './talk.ts';
import { backOff } from './waiting.ts';

export interface DeviceAgentOptions {
  readonly host: AgentHost;
  readonly store: RecordStore;
  readonly link: Pick<FleetLink, 'checkIn' | 'renew'>;
  readonly clock: Clock;
  readonly log: Logger;
  readonly longPoll: boolean;
  /** What the agent says of itself, besides what it sees of the host. */
  readonly facts?: DeviceReport['facts'];
  readonly random?: () => number;
  readonly onCheckIn?: (outcome: 'answered' | 'failed') => void;
  readonly onPhase?: (phase: UpdatePhase) => void;
}

/** `restarting`: the host goes down now. `forgotten`: it is no device any more. */
export type AgentEnd = 'stopped' | 'restarting' | 'forgotten';

/** How often the host is looked at while nothing happens, and while an update proves itself. */
const LOOK_MS = 60_000;
const PROVING_LOOK_MS = 2000;
/** How long a restart waits until the server has heard of it. */
const FAREWELL_MS = 10_000;

/**
 * Makes a host what its fleet wants: asks, plans the next step, does it, tells. Talking goes on while a step takes long.
 *
 * Every intention is on disk before it is carried out: a power cut at any instant leaves a record from which the next start goes on.
 */
export class DeviceAgent {
  readonly #options: DeviceAgentOptions;
  readonly #news = new Bell();
  readonly #work = new Bell();
  readonly #talk: Talk;
  #order = new AbortController();
  #record: AgentRecord = EMPTY_RECORD;
  #host: ObservedHost | undefined;
  #report: TaggedReport | undefined;
  #desired: DesiredState | undefined;
  #heardMs: number | null = null;

  constructor(options: DeviceAgentOptions) {
    this.#options = options;
    const { link, clock, log, longPoll, random = Math.random, onCheckIn } = options;
    this.#talk = new Talk({
      link,
      clock,
      log,
      longPoll,
      random,
      news: this.#news,
      report: () => this.#said(),
      isUrgent: () => this.#record.trial !== null,
      onAnswer: (answer, startedMs) => this.#hear(answer, startedMs),
      onFailure: () => onCheckIn?.('failed'),
    });
  }

  async run(signal: AbortSignal): Promise<AgentEnd> {
    this.#record = await this.#options.store.load();
    await this.#look();
    const over = new AbortController();
    const both = AbortSignal.any([signal, over.signal]);
    const talking = this.#talk.run(both).then(() => 'stopped' as const);
    try {
      return await Promise.race([this.#converge(both), talking]);
    } finally {
      over.abort();
      await talking;
    }
  }

  /** Step after step. */
  async #converge(signal: AbortSignal): Promise<AgentEnd> {
    while (!signal.aborted) {
      this.#work.reset();
      const step = this.#plan();
      if (step.kind === 'wait') {
        await this.#work.wait(this.#restMs(step.untilMs), signal);
        if (!signal.aborted) await this.#look();
        continue;
      }
      const end = await this.#do(step, signal);
      if (end !== undefined) return end;
    }
    return 'stopped';
  }

  #plan(): Step {
    const { clock } = this.#options;
    const [desired, host] = [this.#desired, this.#host];
    if (desired === undefined || host === undefined) return { kind: 'wait', untilMs: null };
    return planStep({ desired, host, record: this.#record, nowMs: clock.nowMs(), heardMs: this.#heardMs });
  }

  #restMs(untilMs: number | null): number {
    const lookMs = this.#record.update?.phase === 'verifying' ? PROVING_LOOK_MS : LOOK_MS;
    return untilMs === null ? lookMs : Math.min(lookMs, untilMs - this.#options.clock.nowMs());
  }

  async #do(step: HostStep | RecordStep, signal: AbortSignal): Promise<AgentEnd | undefined> {
    const { executors } = this.#options.host;
    if (step.kind === 'stage') return await this.#stage(step, signal);
    if (step.kind === 'reboot' || step.kind === 'go-back') return await this.#restart(step, signal);
    if (step.kind === 'forget') {
      await executors.forget(step, signal);
      return 'forgotten';
    }
    if (step.kind === 'unstage') {
      await executors.unstage(step, signal);
      await this.#save({ ...this.#record, update: null });
      return await this.#look();
    }
    if (isConfiguring(step)) return await this.#configure(step, signal);
    await this.#save(recordAfter(this.#record, step, this.#seen(), this.#options.clock.nowMs()));
    return undefined;
  }

  async #stage(step: Extract<HostStep, { kind: 'stage' }>, signal: AbortSignal): Promise<undefined> {
    const { host, clock, log, random = Math.random } = this.#options;
    await this.#change({ phase: 'downloading', sinceMs: clock.nowMs() });
    const order = this.#order.signal;
    try {
      await host.executors.stage(step, AbortSignal.any([signal, order]));
      await this.#change({ attempts: 0, failure: null });
    } catch (thrown) {
      if (signal.aborted || order.aborted) return undefined;
      const attempts = (this.#record.update?.attempts ?? 0) + 1;
      const failure = failureOf(thrown);
      log.warn('the image was not brought; it will be tried again', { reason: failure.message, attempts });
      await this.#change({ attempts, failure, retryAtMs: clock.nowMs() + backOff(attempts, random()) });
    }
    return await this.#look();
  }

  /** The record is there before the restart is: after a cut between the two the planner asks for it again. */
  async #restart(
    step: Extract<HostStep, { kind: 'reboot' | 'go-back' }>,
    signal: AbortSignal,
  ): Promise<AgentEnd | undefined> {
    const { host, clock } = this.#options;
    const { bootId } = this.#seen();
    const phase = step.kind === 'reboot' ? 'rebooting' : 'rolling-back';
    await this.#change({ phase, sinceMs: clock.nowMs(), restartedIn: bootId });
    await this.#sayFarewell(signal);
    try {
      await (step.kind === 'reboot'
        ? host.executors.reboot(step, signal)
        : host.executors['go-back'](step, signal));
      return 'restarting';
    } catch (thrown) {
      if (signal.aborted) return 'stopped';
      await this.#change({ phase: 'failed', failure: failureOf(thrown) });
      return await this.#look();
    }
  }

  /** The server should hear why the host is silent; a restart does not wait for a dead network. */
  async #sayFarewell(signal: AbortSignal): Promise<void> {
    const deadlineMs = Date.now() + FAREWELL_MS;
    while (!this.#talk.knows(this.#said().tag) && Date.now() < deadlineMs && !signal.aborted) {
      await new Bell().wait(20, signal);
    }
  }

  async #configure(step: ConfigurationStep, signal: AbortSignal): Promise<undefined> {
    const { executors } = this.#options.host;
    if (step.kind === 'keep-configuration') {
      await executors['keep-configuration'](step, signal);
      await this.#save({ ...this.#record, trial: null });
    } else if (step.kind === 'revert-configuration') {
      const digest = this.#record.trial?.digest ?? null;
      await executors['revert-configuration'](step, signal);
      const failure = {
        code: 'CONFIGURATION_REVERTED',
        message: 'the server was not heard of again with it',
      };
      await this.#save({ ...this.#record, trial: null, rejected: { digest, failure } });
    } else await this.#tryConfiguration(step, signal);
    return await this.#look();
  }

  async #tryConfiguration(
    step: Extract<HostStep, { kind: 'configure' }>,
    signal: AbortSignal,
  ): Promise<void> {
    const { host, clock, log } = this.#options;
    const { digest, trySeconds } = step.config;
    const sinceMs = clock.nowMs();
    const trial = trySeconds === null ? null : { digest, sinceMs, untilMs: sinceMs + trySeconds * 1000 };
    await this.#save({ ...this.#record, trial, rejected: null });
    try {
      await host.executors.configure(step, signal);
      if (trial === null) await host.executors['keep-configuration']({ kind: 'keep-configuration' }, signal);
      // The proof is a check-in that begins after the files are there.
      else await this.#save({ ...this.#record, trial: { ...trial, sinceMs: clock.nowMs() } });
    } catch (thrown) {
      if (signal.aborted) throw thrown;
      const failure = failureOf(thrown);
      log.warn('the configuration was not written', { reason: failure.message });
      await host.executors['revert-configuration']({ kind: 'revert-configuration' }, signal);
      await this.#save({ ...this.#record, trial: null, rejected: { digest, failure } });
    }
  }

  async #change(part: Partial<UpdateRecord>): Promise<void> {
    const { update } = this.#record;
    if (update !== null) await this.#save({ ...this.#record, update: { ...update, ...part } });
  }

  async #save(record: AgentRecord): Promise<void> {
    const phase = record.update?.phase ?? 'idle';
    const isNewPhase = phase !== (this.#record.update?.phase ?? 'idle');
    await this.#options.store.save(record);
    this.#record = record;
    if (isNewPhase) this.#options.onPhase?.(phase);
    this.#tell();
  }

  async #look(): Promise<undefined> {
    this.#host = await this.#options.host.observe();
    this.#tell();
    return undefined;
  }

  /** Makes the report anew; when it says something else, that is news. A trial is: it waits for a check-in. */
  #tell(): void {
    const before = this.#report?.tag;
    this.#report = reportOf(this.#seen(), this.#record, this.#options.facts);
    if (this.#report.tag !== before || this.#record.trial !== null) this.#news.ring();
  }

  #hear(answer: CheckInAnswer, startedMs: number): void {
    this.#heardMs = startedMs;
    this.#options.onCheckIn?.('answered');
    if (answer.desired !== undefined) {
      const { updateId, action } = answer.desired;
      const isOther = updateId !== this.#desired?.updateId || action === 'hold' || action === 'none';
      this.#desired = answer.desired;
      // What is under way for another order stops.
      if (isOther) {
        this.#order.abort();
        this.#order = new AbortController();
      }
    }
    this.#work.ring();
  }

  #seen(): ObservedHost {
    if (this.#host === undefined) throw new Error('the host was not looked at');
    return this.#host;
  }

  #said(): TaggedReport {
    return (this.#report ??= reportOf(this.#seen(), this.#record, this.#options.facts));
  }
}

type ConfigurationStep = Extract<
  HostStep,
  { kind: 'configure' | 'keep-configuration' | 'revert-configuration' }
>;

function isConfiguring(step: HostStep | RecordStep): step is ConfigurationStep {
  return step.kind.endsWith('configure') || step.kind.endsWith('-configuration');
}

function failureOf(thrown: unknown): ReportedFailure {
  return {
    code: isSlipwayError(thrown) ? thrown.code : 'UPDATE_FAILED',
    message: messageOf(thrown).slice(0, 2000),
  };
}
