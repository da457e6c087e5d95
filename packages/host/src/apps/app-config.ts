/** What an image says about how to run it (image-spec config.md; HEALTHCHECK is Docker's), read without trusting it. */
import { posix } from 'node:path';
import { type DirectoryNode, lookupPath } from '@slipway/composefs';
import { SlipwayError } from '@slipway/core';
import { asJsonRecord, type JsonRecord } from '../json-record.ts';

/** How an app is run. */
export interface AppRun {
  /** The first is an absolute path in the image. */
  readonly argv: readonly [string, ...string[]];
  /** `NAME=value`, each name once. */
  readonly environment: readonly string[];
  readonly workingDirectory: string;
  /** As signal(7) names it. */
  readonly stopSignal: string;
  readonly ports: readonly AppPort[];
  /** Absolute paths the app keeps data at. */
  readonly volumes: readonly string[];
  readonly health: AppHealthCheck | null;
}

/** A port the image says it listens at. */
export interface AppPort {
  readonly port: number;
  readonly protocol: 'tcp' | 'udp';
}

/** A program that ends with 0 while the app is well. */
export interface AppHealthCheck {
  readonly argv: readonly [string, ...string[]];
  readonly intervalMs: number;
  readonly timeoutMs: number;
  /** How long failures do not count. */
  readonly startPeriodMs: number;
  /** Failures one after another that make it ill. */
  readonly retries: number;
}

/** For images in OCI's own format, which has no HEALTHCHECK: a shell command. */
export const HEALTH_LABEL = 'io.slipway.app.healthcheck';

const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const MAX_WORDS = 1000;
/** Of one word, and of a command line; a line of a unit file may have a megabyte. */
const MAX_TEXT = 100_000;
/** Those that mean themselves everywhere in a unit file. */
const PLAIN_PATH = /^[A-Za-z0-9._/@+-]+$/;
const MS_IN_NS = 1_000_000;
const MAX_WAIT_MS = 600_000;

/**
 * How the image wants to be run, and that it can be: the program is there.
 *
 * @param name of the image, for errors
 * @throws SlipwayError APP_INVALID, saying what of the image is wrong
 */
export function readAppRun(configBytes: Uint8Array, tree: DirectoryNode, name: string): AppRun {
  const refuse: Refuse = (why, hint) => {
    throw new SlipwayError('APP_INVALID', `cannot run ${name} as an app: ${why}`, {
      hint: hint ?? 'set it right in the Containerfile and build the image again',
    });
  };
  const document = asJsonRecord(JSON.parse(Buffer.from(configBytes).toString('utf8')));
  const config = asJsonRecord(document?.['config'] ?? {}) ?? refuse('its configuration is no object');
  const words = [
    ...texts(config['Entrypoint'], 'ENTRYPOINT', refuse),
    ...texts(config['Cmd'], 'CMD', refuse),
  ];
  const environment = readEnvironment(texts(config['Env'], 'ENV', refuse), refuse);
  const workingDirectory = absolute(config['WorkingDir'] ?? '/', 'WORKDIR', refuse);
  const place: ProgramPlace = { tree, environment, workingDirectory, refuse };
  const [program, ...rest] = words;
  if (program === undefined)
    return refuse('it names no program', 'add ENTRYPOINT or CMD to its Containerfile');
  if (words.join(' ').length > MAX_TEXT) return refuse('its command line is too long');
  return {
    argv: [programPath(program, place), ...rest],
    environment,
    workingDirectory,
    stopSignal: readSignal(config['StopSignal'], refuse),
    ports: Object.keys(asJsonRecord(config['ExposedPorts']) ?? {}).flatMap((text) => readPorts(text, refuse)),
    volumes: readVolumes(config['Volumes'], refuse),
    health: readHealth(config, place),
  };
}

type Refuse = (why: string, hint?: string) => never;

interface ProgramPlace {
  readonly tree: DirectoryNode;
  readonly environment: readonly string[];
  readonly workingDirectory: string;
  readonly refuse: Refuse;
}

function texts(value: unknown, what: string, refuse: Refuse): readonly string[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value) || value.length > MAX_WORDS) return refuse(`${what} is not a list of words`);
  return value.map((word) => plainText(word, what, refuse));
}

/** A unit file can carry any text but NUL; other control characters have no business in one. */
function plainText(value: unknown, what: string, refuse: Refuse): string {
  const control = /(?![\t\n])\p{Cc}/u;
  if (typeof value !== 'string' || value.length > MAX_TEXT || control.test(value)) {
    return refuse(`${what} holds something that is no plain text`);
  }
  return value;
}

function readEnvironment(pairs: readonly string[], refuse: Refuse): readonly string[] {
  const values = new Map<string, string>();
  for (const pair of pairs) {
    const match = /^([A-Za-z_][A-Za-z0-9_.-]*)=/.exec(pair);
    const variable = match?.[1] ?? refuse(`ENV holds ${JSON.stringify(pair.slice(0, 60))}`);
    values.set(variable, pair);
  }
  return [...values.values()];
}

function absolute(value: unknown, what: string, refuse: Refuse): string {
  const path = posix.normalize(plainText(value === '' ? '/' : value, what, refuse));
  if (!path.startsWith('/')) return refuse(`${what} ${path} is not absolute`);
  if (!PLAIN_PATH.test(path))
    return refuse(`${what} ${JSON.stringify(path.slice(0, 80))} has unusual characters`);
  return path.replace(/(?<=.)\/$/, '');
}

/** As execvp(3) would find it in the image. */
function programPath(program: string, { tree, environment, workingDirectory, refuse }: ProgramPlace): string {
  const path = environment.find((pair) => pair.startsWith('PATH='))?.slice('PATH='.length) ?? DEFAULT_PATH;
  const places = program.includes('/')
    ? [posix.resolve(workingDirectory, program)]
    : path.split(':').map((directory) => posix.join('/', directory, program));
  const found = places.find((place) => isProgram(tree, place));
  return found ?? refuse(`there is no program ${JSON.stringify(program)} in it`);
}

function isProgram(tree: DirectoryNode, path: string): boolean {
  const node = lookupPath(tree, Buffer.from(path).toString('latin1'))?.node;
  return node?.kind === 'regular' && (node.meta.mode & 0o111) !== 0;
}

function readSignal(value: unknown, refuse: Refuse): string {
  if (value === undefined || value === null || value === '') return 'SIGTERM';
  const text = plainText(value, 'STOPSIGNAL', refuse);
  const name = /^[A-Z]/.test(text) && !text.startsWith('SIG') ? `SIG${text}` : text;
  return /^(?:SIG[A-Z0-9+-]+|\d{1,2})$/.test(name) ? name : refuse(`STOPSIGNAL ${name} is no signal`);
}

function readPorts(text: string, refuse: Refuse): readonly AppPort[] {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?(?:\/(tcp|udp))?$/i.exec(text);
  const from = Number(match?.[1] ?? 0);
  const to = Number(match?.[2] ?? from);
  if (from < 1 || to > 65_535 || to < from || to - from > MAX_WORDS)
    return refuse(`EXPOSE ${text.slice(0, 40)} is no port`);
  const protocol = match?.[3]?.toLowerCase() === 'udp' ? 'udp' : 'tcp';
  return Array.from({ length: to - from + 1 }, (_, index) => ({ port: from + index, protocol }));
}

function readVolumes(value: unknown, refuse: Refuse): readonly string[] {
  const paths = Object.keys(asJsonRecord(value) ?? {}).map((path) => absolute(path, 'VOLUME', refuse));
  const different = [...new Set(paths)].toSorted();
  if (different.includes('/')) return refuse('VOLUME / would hide the image itself');
  const mounted = different.find((path) => /^\/(?:proc|sys|dev|run|tmp)(?:\/|$)/.test(path));
  if (mounted !== undefined) return refuse(`VOLUME ${mounted} is where the system keeps its own`);
  if (different.length > 100) return refuse('it has more than 100 volumes');
  return different;
}

function readHealth(config: JsonRecord, place: ProgramPlace): AppHealthCheck | null {
  const { refuse } = place;
  const check = asJsonRecord(config['Healthcheck']) ?? {};
  const label = asJsonRecord(config['Labels'])?.[HEALTH_LABEL];
  const test = texts(check['Test'], 'HEALTHCHECK', refuse);
  const [kind, ...words] =
    test.length > 0
      ? test
      : label === undefined
        ? ['NONE']
        : ['CMD-SHELL', plainText(label, HEALTH_LABEL, refuse)];
  if (kind === 'NONE') return null;
  const argv = kind === 'CMD-SHELL' ? ['/bin/sh', '-c', words.join(' ')] : words;
  const [program, ...rest] = argv;
  if ((kind !== 'CMD' && kind !== 'CMD-SHELL') || program === undefined)
    return refuse('HEALTHCHECK is no command');
  return {
    argv: [programPath(program, place), ...rest],
    intervalMs: duration(check['Interval'], 2000),
    timeoutMs: duration(check['Timeout'], 30_000),
    startPeriodMs: duration(check['StartPeriod'], 0),
    retries: count(check['Retries'], 3),
  };
}

/** Docker writes nanoseconds; 0 stands for its default. */
function duration(value: unknown, fallbackMs: number): number {
  if (typeof value !== 'number' || !(value > 0)) return fallbackMs;
  return Math.min(Math.ceil(value / MS_IN_NS), MAX_WAIT_MS);
}

function count(value: unknown, fallback: number): number {
  return typeof value === 'number' && Number.isInteger(value) && value > 0 ? Math.min(value, 100) : fallback;
}
