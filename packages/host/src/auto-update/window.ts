/** Calendar windows in a time zone: when a host may change. */

/** Days as they are written, Monday first. */
export const WEEKDAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;

/** A day of the week. */
export type Weekday = (typeof WEEKDAYS)[number];

/** A window of every week, on the wall clock of a time zone. */
export interface CalendarWindow {
  /** Days it opens on. */
  readonly days: readonly Weekday[];
  /** Minutes after midnight. */
  readonly fromMinute: number;
  /** Minutes after midnight, not included; up to `fromMinute`, it closes on the day after. */
  readonly toMinute: number;
}

const DAY_MINUTES = 24 * 60;

/** Whether a moment lies in a window. Where clocks are put forward or back, what the wall clock shows counts. */
export function isInWindow(window: CalendarWindow, nowMs: number, timeZone: string): boolean {
  const { day, minute } = wallClock(nowMs, timeZone);
  const { days, fromMinute, toMinute } = window;
  const opensOn = (at: number): boolean => {
    const name = WEEKDAYS[(at + WEEKDAYS.length) % WEEKDAYS.length];
    return name !== undefined && days.includes(name);
  };
  if (fromMinute < toMinute) return opensOn(day) && minute >= fromMinute && minute < toMinute;
  return (opensOn(day) && minute >= fromMinute) || (opensOn(day - 1) && minute < toMinute);
}

/** Minutes after midnight of `HH:MM`; undefined for what is none. `24:00` is the end of the day. */
export function parseTimeOfDay(text: string): number | undefined {
  const match = /^(\d\d):(\d\d)$/.exec(text);
  if (match === null) return undefined;
  const [hours, minutes] = [Number(match[1]), Number(match[2])];
  const total = hours * 60 + minutes;
  return minutes < 60 && total <= DAY_MINUTES ? total : undefined;
}

/** Whether this machine knows a time zone of that name. */
export function isTimeZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en-GB', { timeZone: name }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}

function wallClock(nowMs: number, timeZone: string): { readonly day: number; readonly minute: number } {
  const format = new Intl.DateTimeFormat('en-GB', {
    timeZone,
    weekday: 'short',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  });
  const parts = new Map(format.formatToParts(nowMs).map(({ type, value }) => [type, value]));
  const weekday = parts.get('weekday')?.toLowerCase();
  const day = WEEKDAYS.findIndex((name) => name === weekday);
  return { day, minute: Number(parts.get('hour')) * 60 + Number(parts.get('minute')) };
}
