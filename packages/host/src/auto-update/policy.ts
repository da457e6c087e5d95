/** What a host does about updates by itself: `/etc/slipway/update.toml`. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf, messageOf, SlipwayError } from '@slipway/core';
import { parse } from 'smol-toml';
import { asJsonRecord } from '../json-record.ts';
import type { HostSystem } from '../system.ts';
import { FLEET_GROUP, type FleetLock } from './fleet-lock.ts';
import { type CalendarWindow, isTimeZone, parseTimeOfDay, WEEKDAYS } from './window.ts';

/** How far an update goes by itself; each does what those before it do. */
export const UPDATE_MODES = ['check', 'download', 'stage', 'apply'] as const;

/** How far an update goes by itself. */
export type UpdateMode = (typeof UPDATE_MODES)[number];

/** What may keep a host from rebooting by itself. */
export type UpdateBlocker = 'users' | 'inhibitors' | 'metered';

/** The policy of a host. */
export interface UpdatePolicy {
  readonly mode: UpdateMode;
  /** IANA name. */
  readonly timeZone: string;
  /** When updates may be staged and applied; at any time when there are none. */
  readonly windows: readonly CalendarWindow[];
  /** Until then nothing is downloaded; milliseconds since 1970. */
  readonly holdUntilMs: number | undefined;
  /** While these are there the host does not reboot by itself; on a metered network it does not fetch either. */
  readonly blockWhile: readonly UpdateBlocker[];
  /** Asked before every reboot; undefined: nobody is. */
  readonly fleetLock: FleetLock | undefined;
}

/** Of `/etc`. */
const UPDATE_FILE = 'slipway/update.toml';

const KEYS = ['mode', 'time-zone', 'hold-until', 'block-while', 'window', 'fleet-lock'];
const FLEET_LOCK_KEYS = ['url', 'group'];
const WINDOW_KEYS = ['days', 'from', 'to'];
const BLOCKERS = ['users', 'inhibitors', 'metered'] as const;
const MAX_WINDOWS = 100;

/**
 * Reads the policy; undefined without the file: nothing happens by itself.
 *
 * @throws SlipwayError STATE_INVALID, naming the file and what is wrong in it
 */
export async function readUpdatePolicy(system: HostSystem): Promise<UpdatePolicy | undefined> {
  const path = join(system.etc, UPDATE_FILE);
  try {
    return parseUpdatePolicy(await readFile(path, 'utf8'), path);
  } catch (thrown) {
    if (errnoOf(thrown) === 'ENOENT') return undefined;
    throw thrown;
  }
}

/**
 * The policy in the text of a file.
 *
 * @param path for errors
 * @throws SlipwayError STATE_INVALID
 */
export function parseUpdatePolicy(text: string, path: string): UpdatePolicy {
  const invalid: Refuse = (why) => {
    throw new SlipwayError('STATE_INVALID', `cannot read ${path}: ${why}`, { details: { path } });
  };
  const values = parseToml(text, invalid);
  refuseUnknown(values, KEYS, invalid);
  const mode = UPDATE_MODES.find((name) => name === values['mode']);
  if (mode === undefined) return invalid(`mode is not one of ${UPDATE_MODES.join(', ')}`);
  const timeZone = values['time-zone'] ?? 'UTC';
  if (typeof timeZone !== 'string' || !isTimeZone(timeZone))
    return invalid('time-zone is not one known here');
  const windows = values['window'] ?? [];
  if (!Array.isArray(windows) || windows.length > MAX_WINDOWS)
    return invalid('window is not a list of tables');
  return {
    mode,
    timeZone,
    windows: windows.map((window) => parseWindow(window, invalid)),
    holdUntilMs: parseHold(values['hold-until'], invalid),
    blockWhile: parseBlockers(values['block-while'] ?? [], invalid),
    fleetLock: parseFleetLock(values['fleet-lock'], invalid),
  };
}

type Refuse = (why: string) => never;
type Values = Readonly<Record<string, unknown>>;

function parseToml(text: string, invalid: Refuse): Values {
  try {
    return parse(text);
  } catch (thrown) {
    return invalid(messageOf(thrown).split('\n')[0] ?? 'it is no TOML');
  }
}

function parseWindow(value: unknown, invalid: Refuse): CalendarWindow {
  const values = asJsonRecord(value);
  if (values === undefined) return invalid('window is not a list of tables');
  refuseUnknown(values, WINDOW_KEYS, invalid);
  const { days = WEEKDAYS, from, to } = values;
  const fromMinute = typeof from === 'string' ? parseTimeOfDay(from) : undefined;
  const toMinute = typeof to === 'string' ? parseTimeOfDay(to) : undefined;
  if (fromMinute === undefined || toMinute === undefined)
    return invalid('a window needs from and to as "HH:MM"');
  if (!Array.isArray(days) || days.length === 0) return invalid('days of a window is not a list of days');
  const known = WEEKDAYS.filter((name) => days.includes(name));
  if (known.length !== days.length) return invalid(`days of a window are ${WEEKDAYS.join(', ')}, each once`);
  return { days: known, fromMinute, toMinute };
}

/** TOML has dates of its own; a text in ISO form does as well. */
function parseHold(value: unknown, invalid: Refuse): number | undefined {
  if (value === undefined) return undefined;
  const ms =
    value instanceof Date ? value.getTime() : typeof value === 'string' ? Date.parse(value) : Number.NaN;
  return Number.isFinite(ms) ? ms : invalid('hold-until is not a date');
}

function parseBlockers(value: unknown, invalid: Refuse): readonly UpdateBlocker[] {
  if (!Array.isArray(value)) return invalid('block-while is not a list');
  const known = BLOCKERS.filter((name) => value.includes(name));
  return known.length === value.length
    ? known
    : invalid(`block-while names of ${BLOCKERS.join(', ')}, each once`);
}

function parseFleetLock(value: unknown, invalid: Refuse): FleetLock | undefined {
  if (value === undefined) return undefined;
  const values = asJsonRecord(value) ?? invalid('fleet-lock is not a table');
  refuseUnknown(values, FLEET_LOCK_KEYS, invalid);
  const { url, group = 'default' } = values;
  if (typeof url !== 'string' || !URL.canParse(url) || !/^https?:/.test(url))
    return invalid('url of fleet-lock is not an http or https address');
  if (typeof group !== 'string' || !FLEET_GROUP.test(group))
    return invalid('group of fleet-lock is made of letters, digits, dots and dashes');
  // The paths of the protocol are below it.
  return { url: url.endsWith('/') ? url : `${url}/`, group };
}

function refuseUnknown(values: Values, known: readonly string[], invalid: Refuse): void {
  const unknown = Object.keys(values).find((key) => !known.includes(key));
  if (unknown !== undefined) invalid(`unknown key ${JSON.stringify(unknown)}`);
}
