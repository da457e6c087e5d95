import { describe, expect, test } from 'vitest';
import { jsonLogger, textLogger } from './log.ts';
import { Screen } from './screen.ts';
import { plainStyle, styleFor } from './style.ts';

const CLOCK = { nowMs: () => 1_700_000_000_000 };

describe('text', () => {
  test('levels below the least are silent; fields follow the message', () => {
    const lines: string[] = [];
    const log = textLogger((line) => lines.push(line), 'info', plainStyle);
    log.debug('hidden');
    log.info('pulling', { layers: 3, from: undefined });
    log.warn('slow\u001b[1m', { registry: 'x' });
    log.error('gone');
    expect(lines).toEqual(['pulling (layers=3)', 'warning: slow\\x1b[1m (registry=x)', 'error: gone']);
  });
});

test('json: one object a line', () => {
  const lines: string[] = [];
  jsonLogger((line) => lines.push(line), 'warn', CLOCK).warn('slow', { ms: 12 });
  expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([
    { type: 'log', time: '2023-11-14T22:13:20Z', level: 'warn', message: 'slow', fields: { ms: 12 } },
  ]);
});

describe('the screen', () => {
  test('a line that stays goes above the block, which is drawn again', () => {
    let written = '';
    const screen = new Screen({ write: (text) => (written += text), columns: () => 80 });
    screen.block(['bar 1', 'bar 2']);
    screen.line('said');
    screen.block([]);
    expect(written).toBe('bar 1\nbar 2\n\u001b[2A\r\u001b[Jsaid\nbar 1\nbar 2\n\u001b[2A\r\u001b[J');
  });

  test('without a block nothing but the line is written', () => {
    let written = '';
    const screen = new Screen({ write: (text) => (written += text), columns: () => 80 });
    screen.line('said');
    screen.block([]);
    expect(written).toBe('said\n');
  });

  test('a line of the block never wraps', () => {
    let written = '';
    new Screen({ write: (text) => (written += text), columns: () => 30 }).block(['x'.repeat(200)]);
    expect(written).toBe(`${'x'.repeat(29)}\n`);
  });
});

test.each([
  ['auto', true, {}, true],
  ['auto', false, {}, false],
  ['auto', true, { NO_COLOR: '1' }, false],
  ['auto', true, { NO_COLOR: '' }, true],
  ['auto', true, { TERM: 'dumb' }, false],
  ['always', false, { NO_COLOR: '1' }, true],
  ['never', true, {}, false],
] as const)('colour %s, terminal %s, %j: %s', (choice, terminal, env, coloured) => {
  expect(styleFor(choice, terminal, env).bad('x') !== 'x').toBe(coloured);
});
