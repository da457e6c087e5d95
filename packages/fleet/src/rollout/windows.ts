import { SlipwayError } from '@slipway/core';
import { Cron } from 'croner';
import type { Window } from './types/policy.ts';

/** Whether windows are open at a moment, and until or from when. */
export type Opening =
  | { readonly isOpen: true; readonly closesMs: number }
  /** Undefined where it never opens again. */
  | { readonly isOpen: false; readonly opensMs: number | undefined };

const ALWAYS: Opening = { isOpen: true, closesMs: Number.POSITIVE_INFINITY };

/**
 * Tells when the windows of a policy are open for devices of any time zone.
 *
 * Times of a pattern are local: clocks that go forward or back move the window with them. A start that a clock skips happens when the
 * clock has jumped; one that happens twice opens the window once, for its length in real time.
 */
export class WindowCalendar {
  readonly #windows: readonly Window[];
  readonly #fallbackZone: string;
  readonly #known = new Map<
    string,
    { readonly fromMs: number; readonly untilMs: number; readonly opening: Opening }
  >();

  /** @param fallbackZone for devices that name no zone, or one that does not exist */
  constructor(windows: readonly Window[], fallbackZone: string) {
    this.#windows = windows;
    this.#fallbackZone = fallbackZone;
  }

  at(zone: string | undefined, nowMs: number): Opening {
    if (this.#windows.length === 0) return ALWAYS;
    const key = zone ?? '';
    const known = this.#known.get(key);
    if (known !== undefined && nowMs >= known.fromMs && nowMs < known.untilMs) return known.opening;
    const opening = this.#opening(zone !== undefined && isTimeZone(zone) ? zone : this.#fallbackZone, nowMs);
    const untilMs = (opening.isOpen ? opening.closesMs : opening.opensMs) ?? Number.POSITIVE_INFINITY;
    this.#known.set(key, { fromMs: nowMs, untilMs, opening });
    return opening;
  }

  #opening(zone: string, nowMs: number): Opening {
    let opensMs = Number.POSITIVE_INFINITY;
    let closesMs: number | undefined;
    for (const window of this.#windows) {
      const starts = cronOf(window.opens, window.timeZone ?? zone);
      // The latest start that is not too long ago to be still open; at most a few when starts come faster than windows close.
      const first = nextStart(starts, nowMs - window.durationMs);
      if (first !== undefined && first <= nowMs) {
        closesMs = Math.max(closesMs ?? 0, first + window.durationMs);
      } else if (first !== undefined) {
        opensMs = Math.min(opensMs, first);
      }
    }
    if (closesMs !== undefined) return { isOpen: true, closesMs };
    return { isOpen: false, opensMs: Number.isFinite(opensMs) ? opensMs : undefined };
  }
}

/** The first start strictly after a moment. */
function nextStart(cron: Cron, afterMs: number): number | undefined {
  return cron.nextRun(new Date(afterMs))?.getTime();
}

/**
 * Checks a window.
 *
 * @throws SlipwayError ROLLOUT_POLICY_INVALID for a pattern that does not parse or never opens, an unknown zone, or no length
 */
export function checkWindow(window: Window): void {
  const { opens, durationMs, timeZone = 'UTC' } = window;
  const refuse = (why: string): never => {
    throw new SlipwayError(
      'ROLLOUT_POLICY_INVALID',
      `cannot use the window ${JSON.stringify(opens)}: ${why}`,
      {
        hint: 'a window has a cron pattern of five fields, such as "0 2 * * 1-5" for two at night on working days, and a length',
      },
    );
  };
  if (opens.trim().split(/\s+/u).length !== 5) refuse('the pattern must have five fields');
  if (!(durationMs > 0)) refuse('it is never open: its length must be above zero');
  if (!isTimeZone(timeZone)) refuse(`there is no time zone ${timeZone}`);
  let next: number | undefined;
  try {
    next = nextStart(cronOf(opens, timeZone), Date.UTC(2000, 0, 1));
  } catch (error) {
    refuse(error instanceof Error ? error.message : String(error));
  }
  if (next === undefined) refuse('the pattern names a day that never comes');
}

const crons = new Map<string, Cron>();
/** Patterns times zones; far more than any server needs, and a bound for a hostile one. */
const MAX_CRONS = 10_000;

/** Parsing a pattern costs more than asking it; equal ones are parsed once. */
function cronOf(pattern: string, timezone: string): Cron {
  const key = `${timezone} ${pattern}`;
  const known = crons.get(key);
  if (known !== undefined) return known;
  if (crons.size >= MAX_CRONS) crons.clear();
  const cron = new Cron(pattern, { timezone, paused: true });
  crons.set(key, cron);
  return cron;
}

const zones = new Map<string, boolean>();

/** Whether the time zone is known here. Devices name zones, so what is remembered is bounded. */
export function isTimeZone(name: string): boolean {
  const known = zones.get(name);
  if (known !== undefined) return known;
  let exists = true;
  try {
    void new Intl.DateTimeFormat('en', { timeZone: name });
  } catch {
    exists = false;
  }
  if (zones.size >= MAX_CRONS) zones.clear();
  zones.set(name, exists);
  return exists;
}
