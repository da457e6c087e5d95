import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isSlipwayError, makeTempDir, type ProgressSink, startTask } from '@slipway/core';
import { describe, expect, test } from 'vitest';
import { Screen } from '../output/screen.ts';
import { barProgress } from './bars.ts';
import { bootcProgress } from './bootc-lines.ts';
import { chooseProgress } from './choose.ts';
import { descriptorLines } from './descriptor.ts';
import { jsonProgress } from './json-lines.ts';
import { plainProgress } from './plain.ts';
import { duration } from './wording.ts';

class TestClock {
  ms = 0;
  nowMs(): number {
    return this.ms;
  }
}

/** A pull of 1000 kB in 20 pieces a second apart, 200 kB of them here already. */
function pull(sink: ProgressSink, clock: TestClock): void {
  const task = startTask(sink, 'Pull image', 'bytes', 1_000_000);
  task.save(200_000);
  for (let piece = 0; piece < 20; piece += 1) {
    clock.ms += 1000;
    task.advance(40_000);
  }
  task.end();
}

function lines(make: (write: (line: string) => void, clock: TestClock) => ProgressSink): readonly string[] {
  const written: string[] = [];
  const clock = new TestClock();
  pull(
    make((line) => written.push(line), clock),
    clock,
  );
  return written;
}

test('plain: a start, a line every ten per cent, an end', () => {
  expect(lines(plainProgress)).toEqual([
    'Pull image (1.0 MB)',
    'Pull image: 280 kB of 1.0 MB (28 %)',
    'Pull image: 400 kB of 1.0 MB (40 %)',
    'Pull image: 520 kB of 1.0 MB (52 %)',
    'Pull image: 640 kB of 1.0 MB (64 %)',
    'Pull image: 760 kB of 1.0 MB (76 %)',
    'Pull image: 880 kB of 1.0 MB (88 %)',
    'Pull image: 800 kB in 20 s (40.0 kB/s), 200 kB here already',
  ]);
});

test('plain: a task of a few seconds has no lines in between', () => {
  const written: string[] = [];
  const clock = new TestClock();
  const task = startTask(
    plainProgress((line) => written.push(line), clock),
    'Layer',
    'items',
    10,
  );
  for (let step = 0; step < 10; step += 1) {
    clock.ms += 150;
    task.advance(1);
  }
  task.end();
  expect(written).toEqual(['Layer (10 items)', 'Layer: 10 items in 2 s']);
});

test('plain: a task without a total speaks every ten seconds', () => {
  const written: string[] = [];
  const clock = new TestClock();
  const task = startTask(
    plainProgress((line) => written.push(line), clock),
    'Unpack',
    'items',
  );
  for (let second = 0; second < 25; second += 1) {
    clock.ms += 1000;
    task.advance(1);
  }
  task.end();
  expect(written).toEqual(['Unpack', 'Unpack: 10 items', 'Unpack: 20 items', 'Unpack: 25 items in 25 s']);
});

test('json: every line an object, every start and end there, never more than ten advances a second', () => {
  const events = lines(jsonProgress).map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(events[0]).toEqual({
    type: 'progress',
    time: '1970-01-01T00:00:00Z',
    event: 'start',
    task: 'Pull image',
    unit: 'bytes',
    total: 1_000_000,
  });
  expect(events.at(-1)).toMatchObject({ event: 'end', done: 800_000, saved: 200_000 });
  const clock = new TestClock();
  const written: string[] = [];
  const task = startTask(
    jsonProgress((line) => written.push(line), clock),
    'Fast',
    'bytes',
  );
  for (let ms = 0; ms < 1000; ms += 1) {
    clock.ms += 1;
    task.advance(1);
  }
  expect(written.length).toBeLessThanOrEqual(12);
});

describe('the protocol of bootc', () => {
  test('a start with the version, then bytes as ProgressBytes', () => {
    const events = lines(bootcProgress).map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(events[0]).toEqual({ type: 'Start', version: '0.1.0' });
    expect(events[1]).toEqual({
      type: 'ProgressBytes',
      task: 'pulling',
      description: 'Pull image',
      id: 'Pull image',
      bytesCached: 0,
      bytes: 0,
      bytesTotal: 1_000_000,
      stepsCached: 0,
      steps: 0,
      stepsTotal: 1,
      subtasks: [],
    });
    expect(events.at(-1)).toMatchObject({ bytes: 800_000, bytesCached: 200_000, steps: 1 });
  });

  test('steps as ProgressSteps', () => {
    const written: string[] = [];
    const task = startTask(
      bootcProgress((line) => written.push(line), new TestClock()),
      'Stage',
      'steps',
      4,
    );
    task.advance(4);
    task.end();
    expect(JSON.parse(written.at(-1) ?? '')).toEqual({
      type: 'ProgressSteps',
      task: 'staging',
      description: 'Stage',
      id: 'Stage',
      stepsCached: 0,
      steps: 4,
      stepsTotal: 4,
      subtasks: [],
    });
  });

  test('at most five a second between first and last', () => {
    const clock = new TestClock();
    const written: string[] = [];
    const task = startTask(
      bootcProgress((line) => written.push(line), clock),
      'Pull',
      'bytes',
    );
    for (let ms = 0; ms < 2000; ms += 10) {
      clock.ms += 10;
      task.advance(1);
    }
    task.end();
    expect(written.length).toBeLessThanOrEqual(2 * 5 + 3);
  });
});

describe('bars', () => {
  /** Runs scheduled drawings when the clock has come to them. */
  class TestScheduler {
    #due: { readonly atMs: number; readonly callback: () => void }[] = [];
    readonly clock = new TestClock();
    readonly schedule = (callback: () => void, delayMs: number): void => {
      this.#due.push({ atMs: this.clock.ms + delayMs, callback });
    };
    pass(ms: number): void {
      const endMs = this.clock.ms + ms;
      for (let next = this.#next(endMs); next !== undefined; next = this.#next(endMs)) {
        this.clock.ms = next.atMs;
        next.callback();
      }
      this.clock.ms = endMs;
    }
    #next(endMs: number): { readonly atMs: number; readonly callback: () => void } | undefined {
      const [first] = this.#due.toSorted((a, b) => a.atMs - b.atMs);
      if (first === undefined || first.atMs > endMs) return undefined;
      this.#due = this.#due.filter((each) => each !== first);
      return first;
    }
  }

  function drawing(): {
    readonly time: TestScheduler;
    readonly sink: ProgressSink;
    readonly drawn: string[];
  } {
    const drawn: string[] = [];
    const time = new TestScheduler();
    const screen = new Screen({ write: (text) => drawn.push(text), columns: () => 120 });
    return { time, drawn, sink: barProgress(screen, time.clock, time.schedule) };
  }

  test('show share, amount, rate, saving and time left, and leave one line', () => {
    const { time, drawn, sink } = drawing();
    const task = startTask(sink, 'Pull image', 'bytes', 1_000_000);
    task.save(200_000);
    for (let piece = 0; piece < 10; piece += 1) {
      time.pass(100);
      task.advance(40_000);
    }
    time.pass(100);
    expect(drawn.at(-1)).toContain(
      'Pull image  [############--------]   60 %  600 kB of 1.0 MB  400 kB/s  200 kB here already  1 s left',
    );
    task.end();
    const all = drawn.join('');
    expect(all.slice(all.lastIndexOf('\u001b[J') + 3)).toBe(
      'Pull image: 400 kB in 1 s (364 kB/s), 200 kB here already\n',
    );
  });

  test('are drawn at most ten times a second, and the last state always', () => {
    const { time, drawn, sink } = drawing();
    const task = startTask(sink, 'Pull', 'bytes', 1000);
    for (let ms = 0; ms < 1000; ms += 1) {
      time.pass(1);
      task.advance(1);
    }
    expect(drawn.length).toBeLessThanOrEqual(11);
    time.pass(200);
    expect(drawn.at(-1)).toContain('1.0 kB of 1.0 kB');
  });

  test('of two tasks stand one under the other', () => {
    const { time, drawn, sink } = drawing();
    startTask(sink, 'One', 'items', 2);
    time.pass(200);
    const two = startTask(sink, 'Two', 'items', 3);
    time.pass(200);
    expect(drawn.at(-1)).toMatch(/One .*0 of 2 items\nTwo .*0 of 3 items\n$/s);
    two.end();
    expect(drawn.at(-1)).toMatch(/Two: 0 items in 0.2 s\nOne /);
  });
});

test.each([
  [0, '0 s'],
  [20, '0.1 s'],
  [440, '0.4 s'],
  [990, '1 s'],
  [7400, '7 s'],
  [200_000, '3 min 20 s'],
  [3_900_000, '1 h 5 min'],
])('%d ms are %s', (ms, text) => {
  expect(duration(ms)).toBe(text);
});

test.each([
  ['auto', { isTerminal: true }, {}, false, 'bars'],
  ['auto', { isTerminal: true }, { TERM: 'dumb' }, false, 'lines'],
  ['auto', { isTerminal: false }, {}, false, 'lines'],
  ['auto', { isTerminal: true }, {}, true, 'nothing'],
  ['plain', { isTerminal: true }, {}, true, 'lines'],
  ['none', { isTerminal: true }, {}, false, 'nothing'],
  ['json', { isTerminal: true }, {}, false, 'json'],
] as const)('--progress %s, %j, %j, quiet %s: %s', (progress, stderr, env, quiet, shown) => {
  let written = '';
  const screen = new Screen({ write: (text) => (written += text), columns: () => 80 });
  const globals = { progress, quiet, verbose: false, color: 'auto' } as const;
  chooseProgress(
    globals,
    { stderr, env, clock: new TestClock() },
    screen,
  )({
    kind: 'start',
    task: 'Pull',
    unit: 'bytes',
    total: 10,
  });
  const seen = written.startsWith('{')
    ? 'json'
    : written.includes('[---')
      ? 'bars'
      : written === ''
        ? 'nothing'
        : 'lines';
  expect(seen).toBe(shown);
});

describe('a file descriptor for progress', () => {
  function codeFor(fd: number): string {
    try {
      descriptorLines(fd);
    } catch (thrown) {
      return isSlipwayError(thrown) ? thrown.code : 'not ours';
    }
    return 'taken';
  }

  test.each([0, 1, 2, 999_999])('%d is refused', (fd) => {
    expect(codeFor(fd)).toBe('USAGE');
  });

  test('lines go where it points; when nobody can take them the work goes on', async () => {
    await using dir = await makeTempDir('progress');
    const path = join(dir.path, 'lines');
    const fd = openSync(path, 'w');
    const write = descriptorLines(fd);
    write('{"a":1}');
    closeSync(fd);
    write('{"b":2}');
    expect(readFileSync(path, 'utf8')).toBe('{"a":1}\n');
  });
});
