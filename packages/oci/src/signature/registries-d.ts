/** Where signatures of images are kept, by registry (containers-registries.d(5)). */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf, messageOf, SlipwayError } from '@slipway/core';
import type { RegistryReference } from '../reference.ts';
import { defaultLookaside, registriesDirectories } from '../registry/config-paths.ts';
import { namespacesOf } from './policy-scope.ts';

/** What counts for one repository. */
export interface SignaturePlaces {
  /** URL (`file:` or `https:`) below which simple signatures are read. */
  readonly lookaside: string;
  /** Whether signatures attached in the registry count. */
  readonly useSigstoreAttachments: boolean;
}

interface Entry {
  readonly lookaside?: string | undefined;
  readonly useSigstoreAttachments?: boolean | undefined;
}

/** All files of a directory, merged. */
export interface RegistriesD {
  readonly defaults: Entry;
  readonly scopes: ReadonlyMap<string, Entry>;
}

/**
 * Reads the `*.yaml` files of the first directory that is there.
 *
 * @param directories default: those of the machine
 * @throws SlipwayError SIGNATURE_POLICY_INVALID, also when two files speak of the same scope
 */
export async function loadRegistriesD(
  directories: readonly string[] = registriesDirectories(),
): Promise<RegistriesD> {
  for (const directory of directories) {
    const names = await yamlFiles(directory);
    if (names !== undefined) return await mergeFiles(names.map((name) => join(directory, name)));
  }
  return { defaults: {}, scopes: new Map() };
}

/** What counts for a repository: each value from the most exact scope that has it. */
export function placesFor({ defaults, scopes }: RegistriesD, reference: RegistryReference): SignaturePlaces {
  const name = `${reference.registry}/${reference.repository}`;
  const exact = reference.tag === undefined ? [] : [`${name}:${reference.tag}`];
  const entries = [...exact, ...namespacesOf(name)].flatMap((scope) => scopes.get(scope) ?? []);
  const all = [...entries, defaults];
  return {
    lookaside:
      all.find(({ lookaside }) => lookaside !== undefined)?.lookaside ?? `file://${defaultLookaside()}`,
    useSigstoreAttachments:
      all.find((entry) => entry.useSigstoreAttachments !== undefined)?.useSigstoreAttachments ?? false,
  };
}

async function yamlFiles(directory: string): Promise<readonly string[] | undefined> {
  try {
    return (await readdir(directory)).filter((name) => name.endsWith('.yaml')).toSorted();
  } catch (cause) {
    if (errnoOf(cause) === 'ENOENT' || errnoOf(cause) === 'ENOTDIR') return undefined;
    throw invalid(directory, messageOf(cause), cause);
  }
}

async function mergeFiles(paths: readonly string[]): Promise<RegistriesD> {
  let defaults: Entry | undefined;
  const scopes = new Map<string, Entry>();
  for (const path of paths) {
    const file = await readRegistriesFile(path);
    if (file.defaults !== undefined) {
      if (defaults !== undefined) throw invalid(path, 'another file has default-docker already');
      defaults = file.defaults;
    }
    for (const [scope, entry] of file.scopes) {
      if (scopes.has(scope)) throw invalid(path, `another file speaks of ${scope} already`);
      scopes.set(scope, entry);
    }
  }
  return { defaults: defaults ?? {}, scopes };
}

async function readRegistriesFile(
  path: string,
): Promise<{ readonly defaults: Entry | undefined; readonly scopes: ReadonlyMap<string, Entry> }> {
  const [{ parse }, { registriesFileSchema }] = await Promise.all([
    import('yaml'),
    import('./registries-d-schema.ts'),
  ]);
  let document: unknown;
  try {
    document = parse(await readFile(path, 'utf8'), { maxAliasCount: 16 });
  } catch (cause) {
    throw invalid(path, messageOf(cause).split('\n')[0] ?? 'it is not YAML', cause);
  }
  const checked = registriesFileSchema.safeParse(document ?? {});
  if (!checked.success) {
    const [issue] = checked.error.issues;
    throw invalid(path, `${issue?.path.map(String).join('.') ?? ''}: ${issue?.message ?? 'is not valid'}`);
  }
  const { data } = checked;
  const defaults = data['default-docker'];
  return {
    defaults: defaults === undefined ? undefined : entryOf(defaults),
    scopes: new Map(Object.entries(data.docker ?? {}).map(([scope, each]) => [scope, entryOf(each)])),
  };
}

/** `sigstore` is the old name of `lookaside`. */
function entryOf(json: {
  readonly lookaside?: string | undefined;
  readonly sigstore?: string | undefined;
  readonly 'use-sigstore-attachments'?: boolean | undefined;
}): Entry {
  return {
    lookaside: json.lookaside ?? json.sigstore,
    useSigstoreAttachments: json['use-sigstore-attachments'],
  };
}

function invalid(path: string, problem: string, cause?: unknown): SlipwayError {
  return new SlipwayError('SIGNATURE_POLICY_INVALID', `cannot use ${path}: ${problem}`, {
    hint: 'see containers-registries.d(5)',
    cause,
  });
}
