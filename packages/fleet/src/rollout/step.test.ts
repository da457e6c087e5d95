import { describe, expect, test } from 'vitest';
import { parseSelector } from '../selector/parse-selector.ts';
import { control } from './control.ts';
import { explain } from './explain.ts';
import { type Running, running, tick, tickUntil } from './testing/run-rollout.ts';
import { digestFor, HOUR, MINUTE, type Nature, NO_LIMITS, plainGraph, World } from './testing/world.ts';
import type { RolloutPolicy } from './types/policy.ts';

function devices(count: number, more: Partial<Nature> = {}, prefix = 'd'): readonly Nature[] {
  return Array.from({ length: count }, (_, index) => ({ id: `${prefix}${index}`, ...more }));
}

function start(
  natures: readonly Nature[],
  policy: Partial<RolloutPolicy> = {},
  graph = plainGraph(2),
  target = '2',
): Running {
  return running(new World(natures), { ...NO_LIMITS, ...policy }, graph, target);
}

function codes(run: Running): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { code } of run.last?.explanations.values() ?? []) counts[code] = (counts[code] ?? 0) + 1;
  return counts;
}

function sentence(run: Running, device: string): string {
  const why = run.last?.explanations.get(device);
  if (why === undefined) throw new Error(`${device} is not explained`);
  return explain(why);
}

const isComplete = () => 'complete';

describe('a rollout', () => {
  test('without limits updates everybody: download, restart, proof', () => {
    const run = start(devices(20));
    expect(tick(run).decisions.map(({ kind }) => kind)).toEqual(Array(20).fill('stage'));
    expect(codes(run)).toEqual({ downloading: 20 });
    expect(tick(run).decisions.map(({ kind }) => kind)).toEqual(Array(20).fill('apply'));
    tick(run);
    expect(codes(run)).toEqual({ proving: 20 });
    tickUntil(run, ({ state }) => state.phase === isComplete());
    expect(codes(run)).toEqual({ updated: 20 });
    expect(tick(run).decisions).toEqual([]);
  });

  test('leaves those alone who run the release already, under any of its digests', () => {
    const run = start([...devices(2, { bootedDigest: digestFor('2') }, 'new'), ...devices(1)]);
    expect(tick(run).decisions).toMatchObject([{ kind: 'stage', device: 'd0' }]);
    expect(sentence(run, 'new0')).toBe('runs the release');
  });

  test('goes over barriers one by one', () => {
    const run = start(devices(3), {}, plainGraph(4, [2, 3]), '4');
    const told: string[] = [];
    tickUntil(run, (result) => {
      for (const decision of result.decisions)
        if (decision.kind === 'stage' && decision.device === 'd0') told.push(decision.version);
      return result.state.phase === 'complete';
    });
    expect(told).toEqual(['2', '3', '4']);
    expect(run.state.devices.get('d0')).toMatchObject({
      stage: 'succeeded',
      attempt: 3,
      fromDigest: digestFor('1'),
    });
  });

  test('explains a device it knows no way for, and finishes without it', () => {
    const run = start([...devices(1), { id: 'stranded', bootedDigest: digestFor('home-made') }]);
    tickUntil(run, ({ state }) => state.phase === 'complete');
    expect(sentence(run, 'stranded')).toContain('belongs to no known release');
  });

  test('takes in who comes later, and forgets nobody who left', () => {
    const run = start(devices(2));
    tickUntil(run, ({ state }) => state.phase === 'complete');
    const late = new World([{ id: 'late' }]);
    for (let index = 0; index < run.world.nowMs / MINUTE; index += 1) late.tick();
    const next = { ...run, world: late };
    expect(tick(next).decisions).toMatchObject([{ kind: 'stage', device: 'late' }]);
    expect(sentence(next, 'd0')).toBe('is no longer part of the fleet');
    tickUntil(next, ({ state }) => state.devices.get('late')?.stage === 'succeeded');
  });
});

describe('batches', () => {
  const batches = [
    { name: 'canary', selector: parseSelector('stage=canary'), limit: { count: 2 }, soakMs: HOUR },
    { name: 'tenth', limit: { share: 0.1 } },
  ];

  test('go in order, each after the soak of the one before', () => {
    const run = start([...devices(5, { labels: { stage: 'canary' } }, 'c'), ...devices(95)], {
      batches,
      successThreshold: 1,
    });
    expect(tick(run).decisions).toHaveLength(2);
    expect(run.last?.decisions.every(({ device }) => device.startsWith('c'))).toBe(true);
    expect(sentence(run, 'd0')).toBe('batch rest begins after batch canary');
    tickUntil(run, ({ events }) => events.some(({ kind }) => kind === 'batch-finished'));
    const { soakingSinceMs = 0, finishedMs = 0 } = run.state.batches[0] ?? {};
    expect(finishedMs - soakingSinceMs).toBe(HOUR);
    expect(run.last?.decisions).toHaveLength(10);
    tickUntil(run, ({ state }) => state.phase === 'complete');
    expect(run.state.batches.map(({ name }) => name)).toEqual(['canary', 'tenth', 'rest']);
  });

  test('wait for a person where the policy wants one', () => {
    const run = start(devices(10), {
      batches: [{ name: 'one', limit: { count: 1 } }],
      approval: 'every-batch',
    });
    tick(run);
    expect(sentence(run, 'd0')).toMatch(/somebody must approve batch one|batch rest begins after batch one/);
    run.state = control(run.state, { kind: 'approve', batch: 'one' }, run.world.nowMs);
    expect(tick(run).decisions).toHaveLength(1);
    tickUntil(run, () =>
      [...(run.last?.explanations.values() ?? [])].some(({ code }) => code === 'approval'),
    );
    expect(() => control(run.state, { kind: 'approve', batch: 'two' }, 0)).toThrow('there is none');
    run.state = control(run.state, { kind: 'approve', batch: 'rest' }, run.world.nowMs);
    tickUntil(run, ({ state }) => state.phase === 'complete');
  });

  test('an approval before the start counts', () => {
    const run = start(devices(2), { approval: 'start' });
    run.state = control(run.state, { kind: 'approve', batch: 'rest' }, 0);
    expect(tick(run).decisions).toHaveLength(2);
  });

  test('a canary that cannot be updated, or is away, is not chosen while there is another', () => {
    const run = start(
      [
        ...devices(50, { bootedDigest: digestFor('2') }, 'done'),
        ...devices(50, { bootedDigest: digestFor('?') }, 'lost'),
        { id: 'only' },
      ],
      { batches: [{ name: 'canary', limit: { count: 1 } }] },
    );
    expect(tick(run).decisions).toMatchObject([{ device: 'only' }]);
  });

  test('a share that grows by time', () => {
    const run = start(devices(100), { overTime: { startShare: 0.1, durationMs: 90 * MINUTE } });
    expect(tick(run).decisions).toHaveLength(10);
    expect(
      sentence(run, [...run.state.devices.values()].find(({ stage }) => stage === 'waiting')?.device ?? ''),
    ).toContain('its turn comes with time');
    for (let minute = 1; minute <= 90; minute += 1) {
      tick(run);
      const told = [...run.state.devices.values()].filter(({ attempt }) => attempt > 0).length;
      expect(told).toBe(10 + minute);
    }
  });
});

describe('failures', () => {
  test('of the first device stop everything, and it was alone', () => {
    const run = start(devices(10, { kind: 'rolls-back' }), { firstAlone: true });
    expect(tick(run).decisions).toHaveLength(1);
    tickUntil(run, ({ state }) => state.phase === 'halted');
    expect(run.state.halt?.reason).toBe('the first device failed');
    expect([...run.state.devices.values()].filter(({ attempt }) => attempt > 0)).toHaveLength(1);
    expect(run.state.deniedDigests).toEqual([digestFor('2')]);
    expect(sentence(run, run.last?.explanations.keys().next().value ?? '')).toMatch(/halted|failed/);
  });

  test('up to the threshold are borne, then the rest is called back', () => {
    const natures = [...devices(3, { kind: 'fails' }, 'bad'), ...devices(30, { downloadTicks: 30 })];
    const run = start(natures, { errorThreshold: { count: 3, action: 'halt' } });
    tick(run);
    const { decisions, state } = tick(run);
    expect(state.phase).toBe('halted');
    expect(decisions.filter(({ kind }) => kind === 'cancel')).toHaveLength(30);
    expect(codes(run)).toEqual({ failed: 3, cancelled: 30 });
    expect(sentence(run, 'bad0')).toContain('the update failed: no space');
  });

  test('that make the wanted success impossible stop it at once', () => {
    const run = start([...devices(2, { kind: 'fails' }, 'bad'), ...devices(8, { downloadTicks: 100 })], {
      successThreshold: 0.9,
    });
    tick(run);
    expect(tick(run).state).toMatchObject({
      phase: 'halted',
      halt: { reason: expect.stringContaining('90 % can no longer succeed') },
    });
  });

  test('can send everybody back, who is told within the same budgets', () => {
    const natures = [...devices(12), ...devices(2, { kind: 'rolls-back', applyTicks: 10 }, 'bad')];
    const run = start(natures, {
      errorThreshold: { count: 2, action: 'rollback' },
      maxConcurrent: { count: 14 },
    });
    tickUntil(run, ({ state }) => state.phase === 'rolling-back');
    expect(run.last?.decisions.filter(({ kind }) => kind === 'rollback')).toHaveLength(12);
    tickUntil(run, ({ state }) => state.rolledBackMs !== undefined);
    expect(run.world.observations().every(({ bootedDigest }) => bootedDigest === digestFor('1'))).toBe(true);
    expect(codes(run)).toEqual({ reverted: 12, failed: 2 });
    const told = tick(run).decisions;
    expect(told).toEqual([]);
  });

  test('of a device that restarts and stays sick, or is never heard of again, count when time is up', () => {
    for (const kind of ['sick', 'vanishes'] as const) {
      const run = start(devices(1, { kind }), { successThreshold: 1 });
      const ticks = tickUntil(run, ({ state }) => state.phase === 'halted');
      expect(ticks).toBeGreaterThan(110);
      expect(run.state.devices.get('d0')?.failure).toMatch(/in time/);
    }
  });

  test('are forgiven by a person who resumes, and can be tried again', () => {
    const run = start(devices(4, { kind: 'fails' }), {
      errorThreshold: { count: 1, action: 'halt' },
      maxConcurrent: { count: 1 },
    });
    tickUntil(run, ({ state }) => state.phase === 'halted');
    run.state = control(run.state, { kind: 'resume' }, run.world.nowMs);
    expect(tick(run).decisions).toHaveLength(1);
    tickUntil(run, ({ state }) => state.phase === 'halted');
    run.state = control(run.state, { kind: 'resume', retryFailed: true }, run.world.nowMs);
    const keys = new Set<string>();
    for (let index = 0; index < 10; index += 1)
      for (const { device, key } of tick(run).decisions) keys.add(`${device} ${key}`);
    expect(run.state.phase).toBe('halted');
    expect([...run.state.devices.values()].some(({ attempt }) => attempt === 2)).toBe(true);
  });
});

describe('limits', () => {
  test('of the number under way, and of restarts in a time', () => {
    const run = start(devices(10), {
      maxConcurrent: { count: 3 },
      rate: { count: 2, periodMs: 10 * MINUTE },
    });
    const applies: number[] = [];
    tickUntil(run, (result) => {
      for (const { kind } of result.decisions) if (kind === 'apply') applies.push(run.world.nowMs);
      const active = [...result.state.devices.values()].filter(({ stage }) =>
        ['downloading', 'applying', 'proving'].includes(stage),
      );
      expect(active.length).toBeLessThanOrEqual(3);
      return result.state.phase === 'complete';
    });
    expect(applies).toHaveLength(10);
    for (const [index, atMs] of applies.slice(2).entries())
      expect(atMs - (applies[index] ?? 0)).toBeGreaterThanOrEqual(10 * MINUTE);
  });

  test('of one place, those that are away anyway included', () => {
    const natures = ['a', 'b'].flatMap((store) => devices(4, { labels: { store }, applyTicks: 3 }, store));
    const run = start(natures, { disruptionBudget: { groupBy: ['store'], maxUnavailable: { share: 0.3 } } });
    tickUntil(run, ({ decisions, state }) => {
      const applied = decisions.filter(({ kind }) => kind === 'apply');
      for (const store of ['a', 'b']) {
        expect(applied.filter(({ device }) => device.startsWith(store)).length).toBeLessThanOrEqual(1);
        const away = [...state.devices.values()].filter(
          ({ device, stage }) => device.startsWith(store) && (stage === 'applying' || stage === 'proving'),
        );
        expect(away.length).toBeLessThanOrEqual(1);
      }
      return state.phase === 'complete';
    });
  });

  test('of windows: download in one, restart in another, in the time of the place', () => {
    const run = start([{ id: 'tokyo', timeZone: 'Asia/Tokyo' }, { id: 'utc' }], {
      downloadWindows: [{ opens: '0 1 * * *', durationMs: HOUR }],
      applyWindows: [{ opens: '0 3 * * *', durationMs: HOUR }],
    });
    const seen: string[] = [];
    tickUntil(run, ({ decisions, state }) => {
      const at = new Date(run.world.nowMs - MINUTE).toISOString().slice(11, 16);
      for (const { kind, device } of decisions) seen.push(`${device} ${kind} ${at}`);
      return state.phase === 'complete';
    });
    expect(seen.sort()).toEqual([
      'tokyo apply 18:00',
      'tokyo stage 16:00',
      'utc apply 03:00',
      'utc stage 01:00',
    ]);
  });

  test('of windows hold nobody after the deadline', () => {
    const run = start(devices(1), {
      applyWindows: [{ opens: '0 3 1 1 *', durationMs: HOUR }],
      deadline: { afterMs: 2 * HOUR, action: 'ignore-windows' },
    });
    run.world.tick();
    for (let index = 0; index < 300; index += 1) run.world.tick();
    expect(tickUntil(run, ({ state }) => state.phase === 'complete')).toBeGreaterThan(120);
  });

  test('of time: then it halts, until a person lets it go on', () => {
    const run = start(devices(1, { downloadTicks: 70 }), { deadline: { afterMs: HOUR, action: 'halt' } });
    tickUntil(run, ({ state }) => state.phase === 'halted');
    expect(run.state).toMatchObject({ halt: { reason: 'its time is up' }, deniedDigests: [] });
    run.state = control(run.state, { kind: 'resume' }, run.world.nowMs);
    tickUntil(run, ({ state }) => state.phase === 'complete');
  });

  test('of bandwidth, which every order names', () => {
    const run = start(devices(5), { bandwidth: { totalBytesPerSecond: 1000, deviceBytesPerSecond: 400 } });
    expect(tick(run).decisions).toMatchObject([
      { downloadBytesPerSecond: 400 },
      { downloadBytesPerSecond: 400 },
    ]);
    expect(codes(run)).toEqual({ downloading: 2, bandwidth: 3 });
  });

  test('of alerts, and of a person who holds a device', () => {
    const run = start(devices(2), { alertGate: { alerts: ['ApiDown'] } });
    run.context = { firingAlerts: ['ApiDown'], deniedDigests: [] };
    expect(tick(run).decisions).toEqual([]);
    expect(sentence(run, 'd0')).toBe('the alert ApiDown fires');
    run.context = { firingAlerts: ['Other'], deniedDigests: [] };
    expect(tick(run).decisions).toHaveLength(2);
  });
});

describe('a person', () => {
  test('pauses and resumes: those under way go on, and time stands still', () => {
    const run = start(devices(4), { maxConcurrent: { count: 1 } });
    tick(run);
    run.state = control(run.state, { kind: 'pause' }, run.world.nowMs);
    const { activeMs } = run.state;
    for (let index = 0; index < 10; index += 1) expect(tick(run).decisions).toEqual([]);
    expect(run.state.activeMs).toBe(activeMs);
    expect(codes(run)).toEqual({ paused: 4 });
    run.state = control(run.state, { kind: 'resume' }, run.world.nowMs);
    tickUntil(run, ({ state }) => state.phase === 'complete');
  });

  test('aborts for ever', () => {
    const run = start(devices(3, { downloadTicks: 50 }));
    tick(run);
    run.state = control(run.state, { kind: 'abort' }, run.world.nowMs);
    expect(tick(run).decisions.map(({ kind }) => kind)).toEqual(['cancel', 'cancel', 'cancel']);
    expect(() => control(run.state, { kind: 'resume' }, 0)).toThrow(
      expect.objectContaining({ code: 'ROLLOUT_STATE_REFUSED' }),
    );
  });

  test('sends the whole fleet back in one action, each device to what it ran', () => {
    const run = start([...devices(3), { id: 'old', bootedDigest: digestFor('0') }], {}, plainGraph(3), '3');
    tickUntil(run, ({ state }) => state.phase === 'complete');
    run.state = control(run.state, { kind: 'rollback', reason: 'the app is slow' }, run.world.nowMs);
    tickUntil(run, ({ state }) => state.rolledBackMs !== undefined);
    expect(codes(run)).toEqual({ reverted: 3, 'unknown-digest': 1 });
    expect(
      run.world
        .observations()
        .map(({ bootedDigest = '' }) => bootedDigest)
        .sort(),
    ).toEqual([digestFor('0'), ...Array<string>(3).fill(digestFor('1'))].sort());
  });
});
