import { isSlipwayError } from '@slipway/core';
import { date as anyDate, assert as assertProperty, integer, property } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decideUpdate } from './decide.ts';
import { parseUpdatePolicy, UPDATE_MODES } from './policy.ts';
import { saysMetered, valuesOf } from './surroundings.ts';
import { isInWindow, WEEKDAYS } from './window.ts';

const NOBODY = { users: [], inhibitors: [], metered: false };
const POLICY = parseUpdatePolicy(
  `mode = "apply"
time-zone = "Europe/Berlin"
hold-until = 2026-01-01T00:00:00Z
block-while = ["users", "inhibitors", "metered"]
[[window]]
days = ["sat", "sun"]
from = "22:00"
to = "04:00"
`,
  'update.toml',
);
/** A Saturday, 22:30 in Berlin, winter time. */
const SATURDAY_NIGHT = Date.UTC(2026, 0, 10, 21, 30);
const HOUR_MS = 3_600_000;

describe('a window', () => {
  const [window] = POLICY.windows;

  test.each([
    ['opens on its day', 0, true],
    ['is not open before', -1, false],
    ['goes on past midnight', 5, true],
    ['closes on the day after', 6, false],
    ['opens again on the next day', 24, true],
    ['and goes past that midnight as well', 29, true],
    ['not on a Monday', 48, false],
  ])('%s', (_, hours, open) => {
    expect(window && isInWindow(window, SATURDAY_NIGHT + hours * HOUR_MS, 'Europe/Berlin')).toBe(open);
  });

  test('goes by the wall clock of its zone, summer time included', () => {
    const summer = Date.UTC(2026, 6, 11, 20, 30);
    expect(window && isInWindow(window, summer, 'Europe/Berlin')).toBe(true);
    expect(window && isInWindow(window, summer, 'UTC')).toBe(false);
  });

  test('of a whole week is always open, its own complement never', () => {
    const minutes = integer({ min: 0, max: 1439 });
    assertProperty(
      property(minutes, minutes, anyDate({ noInvalidDate: true }), (a, b, date) => {
        const at = (fromMinute: number, toMinute: number): boolean =>
          isInWindow({ days: WEEKDAYS, fromMinute, toMinute }, date.getTime(), 'America/St_Johns');
        expect(at(a, a)).toBe(true);
        if (a !== b) expect(at(a, b)).toBe(!at(b, a));
      }),
    );
  });
});

describe('the decision', () => {
  test('is the policy in an open window with nobody there', () => {
    expect(decideUpdate(POLICY, SATURDAY_NIGHT, NOBODY).action).toBe('apply');
  });

  test.each([
    ['held', Date.UTC(2025, 11, 27, 22), NOBODY, 'check', 'updates are held until 2026-01-01'],
    ['outside its window', SATURDAY_NIGHT - HOUR_MS, NOBODY, 'download', 'no window is open'],
    ['with users', SATURDAY_NIGHT, { ...NOBODY, users: ['ann'] }, 'stage', 'logged in: ann'],
    ['metered', SATURDAY_NIGHT, { ...NOBODY, metered: true }, 'check', 'the network is metered'],
    ['inhibited', SATURDAY_NIGHT, { ...NOBODY, inhibitors: ['backup'] }, 'stage', 'held by backup'],
  ] as const)('goes no further when %s', (_, nowMs, around, action, because) => {
    const decision = decideUpdate(POLICY, nowMs, around);
    expect(decision.action).toBe(action);
    expect(decision.because).toContain(because);
  });

  test('never goes further than the policy', () => {
    for (const mode of UPDATE_MODES) {
      for (const hours of [-24 * 20, -1, 0]) {
        const { action } = decideUpdate({ ...POLICY, mode }, SATURDAY_NIGHT + hours * HOUR_MS, NOBODY);
        expect(UPDATE_MODES.indexOf(action)).toBeLessThanOrEqual(UPDATE_MODES.indexOf(mode));
      }
    }
  });
});

describe('a policy', () => {
  test('needs only its mode', () => {
    expect(parseUpdatePolicy('mode = "check"', 'f')).toEqual({
      mode: 'check',
      timeZone: 'UTC',
      windows: [],
      holdUntilMs: undefined,
      blockWhile: [],
      fleetLock: undefined,
    });
  });

  test('names the fleet lock, whose paths are below its address', () => {
    const text = 'mode = "apply"\n[fleet-lock]\nurl = "https://lock.example/shops"\n';
    const fleetLock = { url: 'https://lock.example/shops/', group: 'default' };
    expect(parseUpdatePolicy(text, 'f').fleetLock).toEqual(fleetLock);
  });

  test.each([
    ['mode = "check"\n[fleet-lock]\nurl = "ftp://x"', 'url of fleet-lock is not an http or https address'],
    ['mode = "check"\n[fleet-lock]\nurl = "http://x"\ngroup = "a b"', 'group of fleet-lock is made of'],
    ['mode = "check"\n[fleet-lock]\ntoken = "x"', 'unknown key "token"'],
    ['mode = "often"', 'mode is not one of check, download, stage, apply'],
    ['mode = "check"\nhold = 1', 'unknown key "hold"'],
    ['mode = "check"\ntime-zone = "Mars/Base"', 'time-zone is not one known here'],
    ['mode = "check"\nhold-until = "soon"', 'hold-until is not a date'],
    ['mode = "check"\nblock-while = ["rain"]', 'block-while names of users, inhibitors, metered'],
    ['mode = "check"\n[[window]]\nfrom = "25:00"\nto = "02:00"', 'a window needs from and to'],
    ['mode = "check"\n[[window]]\ndays = ["someday"]\nfrom = "01:00"\nto = "02:00"', 'days of a window are'],
    ['mode = ', 'cannot read f: '],
  ])('%j is refused', (text, why) => {
    const parsed = (): unknown => parseUpdatePolicy(text, 'f');
    expect(parsed).toThrow(why);
    try {
      parsed();
    } catch (thrown) {
      expect(isSlipwayError(thrown, 'STATE_INVALID')).toBe(true);
    }
  });
});

test('users and inhibitors are read from what systemd prints', () => {
  const sessions = '[{"session":"1","user":"ann"},{"session":"2","user":"ann"},{"session":"3","user":"bob"}]';
  expect(valuesOf(sessions, 'user')).toEqual(['ann', 'bob']);
  expect(valuesOf('No inhibitors.\n', 'who')).toEqual([]);
});

test('a metered network is what NetworkManager says or guesses', () => {
  expect(['u 0\n', 'u 1\n', 'u 2\n', 'u 3\n', 'u 4\n', ''].map(saysMetered)).toEqual([
    false,
    true,
    false,
    true,
    false,
    false,
  ]);
});
