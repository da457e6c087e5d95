import { describe, expect, test } from 'vitest';
import { checkWindow, WindowCalendar } from './windows.ts';

const HOUR = 3_600_000;

function ms(iso: string): number {
  return Date.parse(iso);
}

describe('a window', () => {
  const nights = new WindowCalendar([{ opens: '0 2 * * *', durationMs: 2 * HOUR }], 'UTC');

  test('is open from its start to its end, the end not included', () => {
    expect(nights.at('UTC', ms('2026-01-05T01:59:59Z'))).toEqual({
      isOpen: false,
      opensMs: ms('2026-01-05T02:00:00Z'),
    });
    expect(nights.at('UTC', ms('2026-01-05T02:00:00Z'))).toEqual({
      isOpen: true,
      closesMs: ms('2026-01-05T04:00:00Z'),
    });
    expect(nights.at('UTC', ms('2026-01-05T03:59:59.999Z'))).toMatchObject({ isOpen: true });
    expect(nights.at('UTC', ms('2026-01-05T04:00:00Z'))).toEqual({
      isOpen: false,
      opensMs: ms('2026-01-06T02:00:00Z'),
    });
  });

  test('is that of the place of the device', () => {
    expect(nights.at('Asia/Tokyo', ms('2026-01-04T17:00:00Z'))).toMatchObject({ isOpen: true });
    expect(nights.at('Asia/Tokyo', ms('2026-01-05T02:30:00Z'))).toMatchObject({ isOpen: false });
    expect(nights.at('America/New_York', ms('2026-01-05T07:00:00Z'))).toMatchObject({ isOpen: true });
  });

  test('of a device that names no zone, or none that exists, is that of the policy', () => {
    for (const zone of [undefined, 'Mars/Olympus', '', '../etc/passwd']) {
      expect(nights.at(zone, ms('2026-01-05T02:30:00Z'))).toMatchObject({ isOpen: true });
    }
  });

  test('may have a zone of its own', () => {
    const fixed = new WindowCalendar(
      [{ opens: '0 2 * * *', durationMs: HOUR, timeZone: 'Asia/Tokyo' }],
      'UTC',
    );
    expect(fixed.at('America/New_York', ms('2026-01-04T17:30:00Z'))).toMatchObject({ isOpen: true });
  });

  test('that clocks jump over opens after the jump, for its whole length', () => {
    // New York, 8 March 2026: 02:00 does not exist, 01:59:59 EST is followed by 03:00 EDT = 07:00 UTC.
    expect(nights.at('America/New_York', ms('2026-03-08T06:59:59Z'))).toMatchObject({ isOpen: false });
    expect(nights.at('America/New_York', ms('2026-03-08T07:00:00Z'))).toEqual({
      isOpen: true,
      closesMs: ms('2026-03-08T09:00:00Z'),
    });
  });

  test('that clocks show twice opens once', () => {
    // New York, 1 November 2026: 01:00 to 02:00 happens twice, first as EDT (05:00 UTC), then as EST (06:00 UTC).
    const early = new WindowCalendar([{ opens: '30 1 * * *', durationMs: HOUR / 2 }], 'UTC');
    const day = ms('2026-11-01T00:00:00Z');
    let minutesOpen = 0;
    for (let minute = 0; minute < 24 * 60; minute += 1) {
      if (
        new WindowCalendar([{ opens: '30 1 * * *', durationMs: HOUR / 2 }], 'UTC').at(
          'America/New_York',
          day + minute * 60_000,
        ).isOpen
      ) {
        minutesOpen += 1;
      }
    }
    expect(minutesOpen).toBe(30);
    expect(early.at('America/New_York', ms('2026-11-01T05:30:00Z'))).toMatchObject({ isOpen: true });
  });

  test('over midnight, over the weekend, and two that overlap', () => {
    const weekend = new WindowCalendar([{ opens: '0 22 * * 5', durationMs: 32 * HOUR }], 'UTC');
    expect(weekend.at('UTC', ms('2026-01-11T05:59:59Z'))).toMatchObject({ isOpen: true });
    expect(weekend.at('UTC', ms('2026-01-11T06:00:00Z'))).toMatchObject({ isOpen: false });
    const two = new WindowCalendar(
      [
        { opens: '0 2 * * *', durationMs: 2 * HOUR },
        { opens: '0 3 * * *', durationMs: 4 * HOUR },
      ],
      'UTC',
    );
    expect(two.at('UTC', ms('2026-01-05T03:30:00Z'))).toEqual({
      isOpen: true,
      closesMs: ms('2026-01-05T07:00:00Z'),
    });
  });

  test('none at all is always open', () => {
    expect(new WindowCalendar([], 'UTC').at('UTC', 0)).toEqual({
      isOpen: true,
      closesMs: Number.POSITIVE_INFINITY,
    });
  });
});

test.each([
  [{ opens: '0 2 * *', durationMs: 1 }, 'five fields'],
  [{ opens: '0 2 30 2 *', durationMs: 1 }, 'never comes'],
  [{ opens: '99 2 * * *', durationMs: 1 }, 'cannot use the window'],
  [{ opens: 'a b c d e', durationMs: 1 }, 'cannot use the window'],
  [{ opens: '0 2 * * *', durationMs: 0 }, 'never open'],
  [{ opens: '0 2 * * *', durationMs: 1, timeZone: 'Mars/Olympus' }, 'no time zone'],
])('%o is refused', (window, why) => {
  expect(() => checkWindow(window)).toThrow(why);
  expect(() => checkWindow(window)).toThrow(expect.objectContaining({ code: 'ROLLOUT_POLICY_INVALID' }));
});
