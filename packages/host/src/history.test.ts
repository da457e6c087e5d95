import { readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeTempDir } from '@slipway/core';
import { describe, expect, test } from 'vitest';
import {
  appendHistory,
  type HistoryEntry,
  type HistoryRecord,
  historyLine,
  readHistory,
  recordsOfBoot,
} from './history.ts';
import { damagedHistoryLines, setHistoryLinesAside } from './history-damage.ts';

const clock = { nowMs: () => Date.UTC(2026, 0, 1) };

describe('the history', () => {
  test('is one object on each line', () => {
    expect(historyLine({ event: 'booted', deployment: 'ab', reason: undefined }, clock)).toMatch(
      /^\{"time":"2026-01-01T00:00:00Z","event":"booted","deployment":"ab","checksum":"[0-9a-f]{64}"\}\n$/,
    );
  });

  test('is empty where there is none', async () => {
    await using dir = await makeTempDir('history');
    expect(await readHistory(join(dir.path, 'history.jsonl'))).toEqual([]);
  });

  test('loses no more than its last line to a power cut at any byte', async () => {
    await using dir = await makeTempDir('history');
    const path = join(dir.path, 'history.jsonl');
    const line = historyLine({ event: 'staged', version: '1' }, clock);
    for (let cut = 0; cut <= line.length; cut += 1) {
      await writeFile(path, line + line);
      await truncate(path, line.length + cut);
      await appendHistory(path, { event: 'booted' }, clock);
      const events = (await readHistory(path)).map(({ event }) => event);
      expect([cut, events]).toEqual([
        cut,
        cut >= line.length - 1 ? ['staged', 'staged', 'booted'] : ['staged', 'booted'],
      ]);
    }
    expect((await readFile(path, 'utf8')).endsWith('\n')).toBe(true);
  });

  test('has no line that says something else after any bit of it turned over', async () => {
    await using dir = await makeTempDir('history');
    const path = join(dir.path, 'history.jsonl');
    const lines = ['staged', 'finalized', 'booted'].map((event) =>
      historyLine({ event } as HistoryEntry, clock),
    );
    const bytes = Buffer.from(lines.join(''));
    const start = lines[0]?.length ?? 0;
    for (let bit = 0; bit < (lines[1]?.length ?? 0) * 8; bit += 1) {
      const flipped = Buffer.from(bytes);
      const at = start + (bit >> 3);
      flipped[at] = (flipped[at] ?? 0) ^ (1 << (bit & 7));
      await writeFile(path, flipped);
      const events = (await readHistory(path)).map(({ event }) => event);
      // With the end of a line the next one is gone as well.
      const isEnd = at === start + (lines[1]?.length ?? 0) - 1;
      expect([bit, events]).toEqual([bit, isEnd ? ['staged'] : ['staged', 'booted']]);
      expect([bit, (await damagedHistoryLines(path)).length]).toEqual([bit, 1]);
    }
  });

  test('gives damaged lines away on request, and keeps all others, torn ones too', async () => {
    await using dir = await makeTempDir('history');
    const path = join(dir.path, 'history.jsonl');
    const [one, other] = ['staged', 'booted'].map((event) => historyLine({ event } as HistoryEntry, clock));
    const old = '{"time":"t","event":"old"}\n';
    const rotten = `${one?.replace('staged', 'stayed')}{"time":"t","event":\u0001"old"}\n`;
    const torn = `${other?.slice(0, 40)}\n\0\0\0\n`;
    await writeFile(path, `${old}${rotten}${torn}${other}`);
    expect(await damagedHistoryLines(path)).toEqual([2, 3]);
    expect(await setHistoryLinesAside(path)).toBe(
      `2 lines of ${path} had been damaged, and went to history.jsonl.damaged`,
    );
    expect(await readFile(path, 'utf8')).toBe(`${old}${torn}${other}`);
    expect(await readFile(`${path}.damaged`, 'utf8')).toBe(rotten);
    expect(await damagedHistoryLines(path)).toEqual([]);
    expect(await damagedHistoryLines(join(dir.path, 'none'))).toEqual([]);
  });

  test('keeps records of a newer version and passes over anything else', async () => {
    await using dir = await makeTempDir('history');
    const path = join(dir.path, 'history.jsonl');
    const lines = [
      'null',
      '[]',
      '{"time":1,"event":"x"}',
      '{"time":"t","event":"new","extra":{},"version":7}',
      '\0',
    ];
    await writeFile(path, `${lines.join('\n')}\n`);
    expect(await readHistory(path)).toEqual([{ time: 't', event: 'new' }]);
  });

  test('is read from its end', async () => {
    await using dir = await makeTempDir('history');
    const path = join(dir.path, 'history.jsonl');
    const line = (version: number) => historyLine({ event: 'staged', version: String(version) }, clock);
    await writeFile(path, Array.from({ length: 20_000 }, (_, index) => line(index)).join(''));
    const records = await readHistory(path, 3);
    expect(records.map(({ version }) => version)).toEqual(['19997', '19998', '19999']);
  });
});

test('the records of one boot', () => {
  const record = (boot: string | undefined, event: string): HistoryRecord => ({
    time: 't',
    event,
    ...(boot === undefined ? {} : { boot }),
  });
  const records = [
    record(undefined, 'installed'),
    record('a', '1'),
    record('b', '2'),
    record('b', '3'),
    record('c', '4'),
  ];
  const eventsOf = (ago: number): readonly string[] =>
    recordsOfBoot(records, 'c', ago).map(({ event }) => event);
  expect([0, 1, 2, 3].map(eventsOf)).toEqual([['4'], ['2', '3'], ['1'], []]);
  expect(recordsOfBoot(records, 'd', 1).map(({ event }) => event)).toEqual(['4']);
});
