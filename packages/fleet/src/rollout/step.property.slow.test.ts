import { isSlipwayError } from '@slipway/core';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { control, type RolloutCommand } from './control.ts';
import { explain } from './explain.ts';
import { step } from './step.ts';
import { type Running, running } from './testing/run-rollout.ts';
import { HOUR, MINUTE, type Nature, NO_LIMITS, plainGraph, World } from './testing/world.ts';
import type { StepResult } from './types/decision.ts';
import type { DeviceObservation } from './types/device.ts';
import type { RolloutPolicy } from './types/policy.ts';
import type { DeviceRecord, RolloutState } from './types/state.ts';

/** What nobody may rely on while it lasts. */
const AWAY = new Set(['applying', 'proving', 'reverting']);
const UNDER_WAY = new Set(['downloading', ...AWAY]);

const nature = fc.record({
  kind: fc.constantFrom(
    'good',
    'good',
    'good',
    'good',
    'good',
    'rolls-back',
    'fails',
    'sick',
    'vanishes',
    'flaky',
    'liar',
  ),
  labels: fc.record({ store: fc.constantFrom('a', 'b', 'c'), stage: fc.constantFrom('canary', 'prod') }),
  timeZone: fc.constantFrom('UTC', 'Asia/Tokyo', 'America/New_York', 'no/where'),
  downloadTicks: fc.integer({ min: 1, max: 8 }),
  applyTicks: fc.integer({ min: 1, max: 8 }),
}) satisfies fc.Arbitrary<Omit<Nature, 'id'>>;

const share = fc.constantFrom(0.05, 0.1, 0.25, 0.5, 1);
const count = fc.integer({ min: 1, max: 5 });
const maybe = <Value>(value: fc.Arbitrary<Value>) => fc.option(value, { nil: undefined, freq: 2 });

const policy: fc.Arbitrary<RolloutPolicy> = fc
  .record({
    batches: fc.constantFrom<RolloutPolicy['batches']>(
      [],
      [{ name: 'canary', limit: { count: 1 } }],
      [
        {
          name: 'canary',
          selector: { requirements: [{ key: 'stage', operator: 'in', values: ['canary'] }] },
          limit: { share: 0.5 },
        },
        { name: 'half', limit: { share: 0.5 }, soakMs: 20 * MINUTE, successThreshold: 0.5 },
      ],
    ),
    soakMs: fc.constantFrom(0, 10 * MINUTE),
    successThreshold: fc.constantFrom(0, 0.5, 0.9),
    errorThreshold: maybe(
      fc.record({
        count,
        share: maybe(share),
        action: fc.constantFrom('halt' as const, 'rollback' as const),
      }),
    ),
    firstAlone: fc.boolean(),
    maxConcurrent: maybe(fc.record({ count })),
    rate: maybe(fc.record({ count, periodMs: fc.constantFrom(10 * MINUTE, HOUR) })),
    overTime: maybe(
      fc.record({ startShare: fc.constantFrom(0, 0.2), durationMs: fc.constantFrom(HOUR, 4 * HOUR) }),
    ),
    disruptionBudget: maybe(
      fc.record({
        groupBy: fc.constantFrom(['store'], []),
        maxUnavailable: maybe(fc.oneof(fc.record({ count }), fc.record({ share }))),
        minAvailable: maybe(fc.integer({ min: 0, max: 3 })),
      }),
    ),
    applyWindows: fc.constantFrom<RolloutPolicy['applyWindows']>(
      [],
      [{ opens: '0 */4 * * *', durationMs: HOUR }],
    ),
    bandwidth: maybe(
      fc.constantFrom(
        { totalBytesPerSecond: 1000, deviceBytesPerSecond: 300 },
        { totalBytesPerSecond: 1000 },
      ),
    ),
    updateTimeoutMs: fc.constantFrom(30 * MINUTE, 3 * HOUR),
    stableMs: fc.constantFrom(0, 3 * MINUTE),
  })
  .map((some) => ({ ...NO_LIMITS, ...withoutUndefined(some) }));

function withoutUndefined(value: object): object {
  const entries = Object.entries(value).filter(([, each]) => each !== undefined);
  return Object.fromEntries(
    entries.map(([key, each]) => [key, isPlain(each) ? withoutUndefined(each) : each]),
  );
}

function isPlain(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Holds one step against what the policy promises, counted anew from the outside. */
class Referee {
  readonly #told = new Set<string>();
  readonly #applies: number[] = [];

  check(run: Running, devices: readonly DeviceObservation[], before: RolloutState, result: StepResult): void {
    const { decisions, state } = result;
    const after = [...state.devices.values()];
    for (const { id } of devices) {
      const why = result.explanations.get(id);
      if (why === undefined) throw new Error(`${id} is not explained`);
      expect(explain(why)).toMatch(/^\S.*\S$/);
    }
    this.#nobodyTwice(decisions, before);
    this.#concurrency(run.policy, before, after, decisions);
    this.#rate(run, decisions);
    this.#disruption(run.policy, devices, before, state, decisions);
    this.#overTime(run, after, decisions);
    this.#stops(run.policy, before, result, after);
    this.#batches(run.policy, after, decisions);
    this.#windows(run, devices, decisions);
  }

  #nobodyTwice(decisions: StepResult['decisions'], before: RolloutState): void {
    expect(new Set(decisions.map(({ device }) => device)).size).toBe(decisions.length);
    for (const { kind, device, key } of decisions) {
      const name = `${kind} ${device} ${key}`;
      expect(this.#told.has(name), name).toBe(false);
      this.#told.add(name);
      // One that proved itself on a barrier goes on at once.
      if (kind === 'stage')
        expect(['waiting', 'proving']).toContain(before.devices.get(device)?.stage ?? 'waiting');
    }
  }

  #concurrency(
    { maxConcurrent, firstAlone, bandwidth }: RolloutPolicy,
    before: RolloutState,
    after: readonly DeviceRecord[],
    decisions: StepResult['decisions'],
  ): void {
    if (decisions.every(({ kind }) => kind === 'cancel')) return;
    const underWay = after.filter(({ stage }) => UNDER_WAY.has(stage));
    if (maxConcurrent !== undefined && before.phase !== 'rolling-back')
      expect(underWay.length).toBeLessThanOrEqual(maxConcurrent.count ?? 0);
    if (bandwidth !== undefined) {
      const most = bandwidth.deviceBytesPerSecond === undefined ? 10 : 3;
      expect(after.filter(({ stage }) => stage === 'downloading').length).toBeLessThanOrEqual(most);
    }
    if (
      firstAlone &&
      decisions.some(({ kind }) => kind === 'stage') &&
      after.every(({ stage }) => stage !== 'succeeded')
    ) {
      expect(after.filter(({ stage }) => UNDER_WAY.has(stage) || stage === 'staged')).toHaveLength(1);
    }
  }

  #rate({ policy: { rate }, world }: Running, decisions: StepResult['decisions']): void {
    for (const { kind } of decisions) if (kind === 'apply') this.#applies.push(world.nowMs);
    if (rate === undefined) return;
    const recent = this.#applies.filter((atMs) => atMs > world.nowMs - rate.periodMs);
    expect(recent.length).toBeLessThanOrEqual(rate.count);
  }

  #disruption(
    { disruptionBudget: budget }: RolloutPolicy,
    devices: readonly DeviceObservation[],
    before: RolloutState,
    state: RolloutState,
    decisions: StepResult['decisions'],
  ): void {
    if (budget === undefined) return;
    const nameOf = ({ labels }: DeviceObservation) => budget.groupBy.map((key) => labels[key]).join();
    const isThere = (device: DeviceObservation, records: RolloutState) =>
      device.online && device.health !== 'failing' && !AWAY.has(records.devices.get(device.id)?.stage ?? '');
    const told = new Set(
      decisions.filter(({ kind }) => kind === 'apply' || kind === 'rollback').map(({ device }) => device),
    );
    for (const name of new Set(devices.map(nameOf))) {
      const group = devices.filter((device) => nameOf(device) === name);
      const takenAway = group.filter((device) => told.has(device.id) && isThere(device, before));
      if (takenAway.length === 0) continue;
      const available = group.filter((device) => isThere(device, state)).length;
      const { count: most = Number.POSITIVE_INFINITY, share: part = 1 } = budget.maxUnavailable ?? {};
      expect(group.length - available).toBeLessThanOrEqual(
        Math.min(most, Math.max(1, Math.floor(part * group.length))),
      );
      expect(available).toBeGreaterThanOrEqual(budget.minAvailable ?? 0);
    }
  }

  #overTime(
    { policy: { overTime }, world }: Running,
    after: readonly DeviceRecord[],
    decisions: StepResult['decisions'],
  ): void {
    if (overTime === undefined || decisions.every(({ kind }) => kind !== 'stage')) return;
    const { startShare, durationMs } = overTime;
    const most = Math.min(1, startShare + ((1 - startShare) * world.nowMs) / durationMs) * after.length;
    expect(after.filter(({ attempt }) => attempt > 0).length).toBeLessThanOrEqual(most + 1e-6);
  }

  #stops(
    { errorThreshold, firstAlone }: RolloutPolicy,
    before: RolloutState,
    { state, decisions }: StepResult,
    after: readonly DeviceRecord[],
  ): void {
    const failures = after.filter(
      ({ stage, revertTold, forgiven }) => stage === 'failed' && revertTold !== true && forgiven !== true,
    ).length;
    const must =
      (errorThreshold?.count !== undefined && failures >= errorThreshold.count) ||
      (firstAlone &&
        failures > 0 &&
        after.every(({ stage }) => stage !== 'succeeded') &&
        before.phase !== 'complete');
    if (must) expect(['halted', 'rolling-back', 'aborted']).toContain(state.phase);
    if (state.phase === 'halted' || state.phase === 'rolling-back' || state.phase === 'aborted') {
      expect(
        decisions.every(
          ({ kind }) => kind === 'cancel' || (kind === 'rollback' && state.phase === 'rolling-back'),
        ),
      ).toBe(true);
      expect(after.every(({ stage }) => stage !== 'downloading' && stage !== 'staged')).toBe(true);
    }
    if (before.phase === 'rolling-back') expect(state.phase).toBe('rolling-back');
    if (before.phase === 'halted' || before.phase === 'aborted') expect(state.phase).toBe(before.phase);
    if (before.phase === 'paused')
      expect(decisions.every(({ kind }) => kind === 'cancel' || kind === 'rollback')).toBe(true);
  }

  /** Nobody of a later batch is told before an earlier one had enough success, and came to its end. */
  #batches(
    { batches, successThreshold }: RolloutPolicy,
    after: readonly DeviceRecord[],
    decisions: StepResult['decisions'],
  ): void {
    for (const decision of decisions) {
      const own = after.find(({ device }) => device === decision.device);
      if (decision.kind !== 'stage' || own === undefined || own.attempt > 1) continue;
      for (let batch = 0; batch < own.batch; batch += 1) {
        const earlier = after.filter((record) => record.batch === batch);
        const succeeded = earlier.filter(({ stage }) => stage === 'succeeded').length;
        const failed = earlier.filter(
          ({ stage, forgiven }) => stage === 'failed' && forgiven !== true,
        ).length;
        const wanted = batches[batch]?.successThreshold ?? successThreshold;
        if (succeeded + failed > 0) expect(succeeded / (succeeded + failed)).toBeGreaterThanOrEqual(wanted);
        if (earlier.length > 0) expect(earlier.some(({ attempt }) => attempt > 0)).toBe(true);
      }
    }
  }

  #windows(
    { policy: { applyWindows }, world }: Running,
    devices: readonly DeviceObservation[],
    decisions: StepResult['decisions'],
  ): void {
    if (applyWindows.length === 0) return;
    for (const decision of decisions) {
      if (decision.kind !== 'apply') continue;
      const zone = devices.find(({ id }) => id === decision.device)?.timeZone ?? 'UTC';
      const format = {
        hour: '2-digit',
        hourCycle: 'h23',
        timeZone: zone === 'no/where' ? 'UTC' : zone,
      } as const;
      expect(Number(new Intl.DateTimeFormat('en', format).format(world.nowMs)) % 4).toBe(0);
    }
  }
}

function sorted(result: StepResult): unknown {
  const byDevice = (a: { readonly device: string }, b: { readonly device: string }) =>
    a.device < b.device ? -1 : 1;
  return {
    decisions: [...result.decisions].sort(byDevice),
    devices: [...result.state.devices.values()].sort(byDevice),
    explanations: [...result.explanations].map(([device, why]) => ({ device, why })).sort(byDevice),
    phase: result.state.phase,
    batches: result.state.batches,
    events: result.events,
  };
}

/** As a server hands it back: from a database, in any order. */
function shuffled(state: RolloutState): RolloutState {
  return { ...state, devices: new Map([...state.devices].reverse()) };
}

/** What people do to a rollout meanwhile. */
const commands = fc.array(
  fc.record({
    minute: fc.integer({ min: 1, max: 6 * 60 }),
    command: fc.constantFrom<RolloutCommand>(
      { kind: 'pause' },
      { kind: 'resume' },
      { kind: 'resume', retryFailed: true },
      { kind: 'resume' },
      { kind: 'abort' },
      { kind: 'rollback', reason: 'somebody wanted it' },
    ),
  }),
  { maxLength: 4 },
);

/** Commands the phase does not allow are refused and change nothing. */
function tried(state: RolloutState, command: RolloutCommand, nowMs: number): RolloutState {
  try {
    return control(state, command, nowMs);
  } catch (error) {
    if (isSlipwayError(error, 'ROLLOUT_STATE_REFUSED')) return state;
    throw error;
  }
}

const HOURS = 10;
/** More of them, for as long as you like: `ROLLOUT_RUNS=2000`. */
const RUNS = Number(process.env['ROLLOUT_RUNS'] ?? 30);
/** A gate tries the same worlds every time; new ones are for whoever asks for more. */
const SEED = process.env['ROLLOUT_RUNS'] === undefined ? { seed: 6 } : {};

/** Where a device may stay for ever once nothing more happens. */
const RESTS = new Set([
  'up-to-date',
  'updated',
  'failed',
  'cancelled',
  'reverted',
  'halted',
  'rolling-back',
  'offline',
  'denied',
  'unknown-digest',
  'disruption-budget',
  'batch',
  'paused',
  'aborted',
  'first-alone',
  'apply-window',
  'concurrency',
  'rate',
  'over-time',
  'bandwidth',
]);

test('whatever devices do: budgets hold, it stops when it must, everybody is explained, nobody is told twice', {
  timeout: 600_000,
}, () => {
  fc.assert(
    fc.property(
      fc.array(nature, { minLength: 1, maxLength: 14 }),
      policy,
      fc.boolean(),
      commands,
      (natures, rules, hasBarrier, wishes) => {
        const world = new World(natures.map((each, index) => ({ ...each, id: `d${index}` })));
        const run = running(world, rules, plainGraph(3, hasBarrier ? [2] : []), '3');
        const referee = new Referee();
        for (let minute = 0; minute < HOURS * 60; minute += 1) {
          for (const wish of wishes)
            if (wish.minute === minute) run.state = tried(run.state, wish.command, world.nowMs);
          const devices = world.observations();
          const context = { ...run.context, nowMs: world.nowMs };
          const input = { policy: rules, graph: run.graph, context };
          const before = run.state;
          const result = step({ ...input, state: before, devices });
          referee.check(run, devices, before, result);
          if (minute % 17 === 0) {
            const again = step({ ...input, state: shuffled(before), devices: [...devices].reverse() });
            expect(sorted(again)).toEqual(sorted(result));
          }
          run.state = result.state;
          run.last = result;
          world.obey(result.decisions);
          world.tick();
        }
        // One that was told a while ago still has the time the policy gives it.
        const hasTime = (device: string) =>
          world.nowMs - (run.state.devices.get(device)?.toldMs ?? 0) <=
          rules.updateTimeoutMs + rules.stableMs + 2 * MINUTE;
        const stuck = [...(run.last?.explanations ?? [])].filter(
          ([device, { code }]) => !RESTS.has(code) && !hasTime(device),
        );
        // A liar is never done: what it says it runs changes with the minute; and with it those who wait for it.
        if (natures.every(({ kind }) => kind !== 'liar' && kind !== 'flaky')) expect(stuck).toEqual([]);
      },
    ),
    { numRuns: RUNS, ...SEED },
  );
});

test('a fleet of good devices is updated to the last one, whatever the policy', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 12 }), policy, (size, rules) => {
      fc.pre((rules.disruptionBudget?.minAvailable ?? 0) === 0);
      const world = new World(
        Array.from({ length: size }, (_, index) => ({ id: `d${index}`, labels: { store: `${index % 2}` } })),
      );
      const run = running(world, rules, plainGraph(2), '2');
      for (let minute = 0; minute < 4 * 24 * 60 && run.state.phase !== 'complete'; minute += 1) {
        const result = step({
          policy: rules,
          graph: run.graph,
          state: run.state,
          devices: world.observations(),
          context: { ...run.context, nowMs: world.nowMs },
        });
        run.state = result.state;
        world.obey(result.decisions);
        world.tick();
      }
      expect([...run.state.devices.values()].map(({ stage }) => stage)).toEqual(
        Array(size).fill('succeeded'),
      );
    }),
    { numRuns: 15, seed: 6 },
  );
});
