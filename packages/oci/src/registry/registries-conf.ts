import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf, messageOf, SlipwayError } from '@slipway/core';
import type { RegistryReference } from '../reference.ts';
import { registriesConfPaths } from './config-paths.ts';

/** One `[[registry]]` of registries.conf (containers-registries.conf(5), version 2). */
export interface RegistryEntry {
  /** `host[:port][/path]` or `*.domain`. */
  readonly prefix: string;
  /** What the prefix is replaced with. */
  readonly location: string;
  readonly blocked: boolean;
  /** Undefined: the file does not say. */
  readonly insecure: boolean | undefined;
  readonly mirrors: readonly MirrorEntry[];
}

/** One `[[registry.mirror]]`. */
export interface MirrorEntry {
  readonly location: string;
  readonly insecure: boolean | undefined;
  readonly pullFrom: 'all' | 'digest-only' | 'tag-only';
}

/** Where to ask for a repository. */
export interface RegistryLocation {
  /** `host[:port]` */
  readonly registry: string;
  readonly repository: string;
  readonly insecure: boolean | undefined;
}

/**
 * Reads the text of a `registries.conf`.
 *
 * @param path names it in errors
 * @throws SlipwayError OCI_REGISTRIES_CONF_INVALID with line and column
 */
export async function parseRegistriesConf(text: string, path: string): Promise<readonly RegistryEntry[]> {
  const document = await parseToml(text, path);
  return tables(document['registry'], path, 'registry').map((table) => toEntry(table, path));
}

/** @throws SlipwayError OCI_REGISTRIES_CONF_INVALID, also for the old version 1 of the format */
export async function parseToml(text: string, path: string): Promise<Readonly<Record<string, unknown>>> {
  const { parse } = await import('smol-toml');
  let document: Readonly<Record<string, unknown>>;
  try {
    document = parse(text);
  } catch (cause) {
    throw invalidConf(path, messageOf(cause).split('\n')[0] ?? 'it is not TOML', cause);
  }
  if (document['registries'] === undefined) return document;
  throw invalidConf(path, 'it is in the old version 1 ([registries.search])');
}

/**
 * Reads the files in their order; an entry replaces an earlier one of the same prefix. Files that do not
 * exist say nothing.
 *
 * @param paths default: those of the machine
 * @throws SlipwayError OCI_REGISTRIES_CONF_INVALID
 */
export async function loadRegistriesConf(
  paths: ReturnType<typeof registriesConfPaths> = registriesConfPaths(),
): Promise<readonly RegistryEntry[]> {
  const byPrefix = new Map<string, RegistryEntry>();
  for (const { path, text } of await readConfFiles(paths)) {
    // Most files have aliases only, and a TOML parser takes time to load.
    if (!/\[\[?registr/.test(text)) continue;
    for (const entry of await parseRegistriesConf(text, path)) byPrefix.set(entry.prefix, entry);
  }
  return [...byPrefix.values()];
}

/** The files that are there, in their order. */
export async function readConfFiles({
  files,
  dropInDirectories,
  chosenAliases,
}: ReturnType<typeof registriesConfPaths>): Promise<
  readonly { readonly path: string; readonly text: string }[]
> {
  const paths = [...files];
  for (const directory of dropInDirectories) paths.push(...(await dropIns(directory)));
  if (chosenAliases !== undefined) paths.push(chosenAliases);
  const found: { path: string; text: string }[] = [];
  for (const path of paths) {
    const text = await readIfThere(path);
    if (text !== undefined) found.push({ path, text });
  }
  return found;
}

/**
 * Where to pull a reference from, in the order to try: mirrors, then the place itself.
 *
 * @throws SlipwayError OCI_BLOCKED
 */
export function pullLocations(
  reference: RegistryReference,
  entries: readonly RegistryEntry[],
): readonly RegistryLocation[] {
  const entry = entryFor(reference, entries);
  if (entry === undefined) return [{ ...place(reference), insecure: undefined }];
  if (entry.blocked) throw blocked(reference, entry);
  const usable = entry.mirrors.filter(
    ({ pullFrom }) => pullFrom === 'all' || (pullFrom === 'digest-only') === (reference.digest !== undefined),
  );
  return [...usable, entry].map(({ location, insecure }) =>
    rewrite(reference, entry.prefix, location, insecure),
  );
}

/**
 * Where to push a reference to: mirrors take no pushes.
 *
 * @throws SlipwayError OCI_BLOCKED
 */
export function pushLocation(
  reference: RegistryReference,
  entries: readonly RegistryEntry[],
): RegistryLocation {
  const entry = entryFor(reference, entries);
  if (entry === undefined) return { ...place(reference), insecure: undefined };
  if (entry.blocked) throw blocked(reference, entry);
  return rewrite(reference, entry.prefix, entry.location, entry.insecure);
}

function place({ registry, repository }: RegistryReference): { registry: string; repository: string } {
  return { registry, repository };
}

/** The longest prefix that fits. */
function entryFor(
  reference: RegistryReference,
  entries: readonly RegistryEntry[],
): RegistryEntry | undefined {
  const name = nameOf(reference);
  return entries
    .filter(({ prefix }) => matchedLength(name, prefix) !== undefined)
    .toSorted((a, b) => b.prefix.length - a.prefix.length)[0];
}

/** How much of a name a prefix covers; it must end where a part of the name does. `*.domain` covers every host below it. */
function matchedLength(name: string, prefix: string): number | undefined {
  const isWildcard = prefix.startsWith('*.');
  const lastInHost = (): number => name.lastIndexOf(prefix.slice(1), name.indexOf('/'));
  const at = isWildcard ? lastInHost() : name.startsWith(prefix) ? 0 : -1;
  if (at === -1) return undefined;
  const end = at + prefix.length - (isWildcard ? 1 : 0);
  return end === name.length || name[end] === '/' || name[end] === ':' ? end : undefined;
}

function rewrite(
  reference: RegistryReference,
  prefix: string,
  location: string,
  insecure: boolean | undefined,
): RegistryLocation {
  const name = nameOf(reference);
  const moved = location === '' ? name : location + name.slice(matchedLength(name, prefix) ?? 0);
  const slash = moved.indexOf('/');
  return { registry: moved.slice(0, slash), repository: moved.slice(slash + 1), insecure };
}

function nameOf({ registry, repository }: RegistryReference): string {
  return `${registry}/${repository}`;
}

function toEntry(table: Readonly<Record<string, unknown>>, path: string): RegistryEntry {
  const location = text(table, 'location', path) ?? '';
  const prefix = text(table, 'prefix', path) ?? location;
  if (prefix === '') throw invalidConf(path, 'a [[registry]] has neither prefix nor location');
  return {
    prefix,
    location: location === '' && !prefix.startsWith('*.') ? prefix : location,
    blocked: flag(table, 'blocked', path) ?? false,
    insecure: flag(table, 'insecure', path),
    mirrors: tables(table['mirror'], path, 'registry.mirror').map((mirror) => toMirror(mirror, table, path)),
  };
}

function toMirror(
  mirror: Readonly<Record<string, unknown>>,
  registry: Readonly<Record<string, unknown>>,
  path: string,
): MirrorEntry {
  const location = text(mirror, 'location', path);
  if (location === undefined) throw invalidConf(path, 'a [[registry.mirror]] has no location');
  const pullFrom = text(mirror, 'pull-from-mirror', path);
  const digestOnly = flag(registry, 'mirror-by-digest-only', path) === true;
  if (pullFrom !== undefined && pullFrom !== 'all' && pullFrom !== 'digest-only' && pullFrom !== 'tag-only') {
    throw invalidConf(path, `pull-from-mirror cannot be ${JSON.stringify(pullFrom)}`);
  }
  return {
    location,
    insecure: flag(mirror, 'insecure', path),
    pullFrom: pullFrom ?? (digestOnly ? 'digest-only' : 'all'),
  };
}

function tables(value: unknown, path: string, name: string): readonly Readonly<Record<string, unknown>>[] {
  if (value === undefined) return [];
  if (!Array.isArray(value) || !value.every((item) => typeof item === 'object' && item !== null)) {
    throw invalidConf(path, `[[${name}]] is not a list of tables`);
  }
  return value as Record<string, unknown>[];
}

function text(table: Readonly<Record<string, unknown>>, key: string, path: string): string | undefined {
  const value = table[key];
  if (value === undefined || typeof value === 'string') return value;
  throw invalidConf(path, `${key} is not a text`);
}

function flag(table: Readonly<Record<string, unknown>>, key: string, path: string): boolean | undefined {
  const value = table[key];
  if (value === undefined || typeof value === 'boolean') return value;
  throw invalidConf(path, `${key} is neither true nor false`);
}

async function dropIns(directory: string): Promise<string[]> {
  try {
    const names = await readdir(directory);
    return names
      .filter((name) => name.endsWith('.conf'))
      .toSorted()
      .map((name) => join(directory, name));
  } catch (cause) {
    if (isAbsent(cause)) return [];
    throw invalidConf(directory, 'it cannot be read', cause);
  }
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    if (isAbsent(cause)) return undefined;
    throw invalidConf(path, 'it cannot be read', cause);
  }
}

function isAbsent(thrown: unknown): boolean {
  return errnoOf(thrown) === 'ENOENT' || errnoOf(thrown) === 'ENOTDIR';
}

function blocked(reference: RegistryReference, entry: RegistryEntry): SlipwayError {
  return new SlipwayError(
    'OCI_BLOCKED',
    `cannot use ${reference.registry}/${reference.repository}: registries.conf blocks ${entry.prefix}`,
    {
      hint: 'remove "blocked = true" from its [[registry]], or use another registry',
    },
  );
}

/**
 * A list of texts; undefined where the file does not say.
 *
 * @throws SlipwayError OCI_REGISTRIES_CONF_INVALID
 */
export function textList(
  table: Readonly<Record<string, unknown>>,
  key: string,
  path: string,
): readonly string[] | undefined {
  const value = table[key];
  if (value === undefined) return undefined;
  if (Array.isArray(value) && value.every((item) => typeof item === 'string')) return value;
  throw invalidConf(path, `${key} is not a list of texts`);
}

/** The error for a file that cannot be used. */
export function invalidConf(path: string, problem: string, cause?: unknown): SlipwayError {
  return new SlipwayError('OCI_REGISTRIES_CONF_INVALID', `cannot use ${path}: ${problem}`, {
    hint: 'see containers-registries.conf(5)',
    cause,
  });
}
