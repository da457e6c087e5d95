/** What names without a registry mean, as registries.conf says it (containers-registries.conf(5), "Short-Name Aliasing"). */

import { registriesConfPaths } from './config-paths.ts';
import { invalidConf, parseToml, readConfFiles, textList } from './registries-conf.ts';

/** What names without a registry mean on a machine. */
export interface ShortNames {
  /** Name without tag → name with its registry. */
  readonly aliases: ReadonlyMap<string, string>;
  /** `unqualified-search-registries`. */
  readonly search: readonly string[];
  /** `short-name-mode`: whether several registries to search are tried in their order; nobody is asked in any mode. */
  readonly mode: ShortNameMode;
}

type ShortNameMode = 'enforcing' | 'permissive' | 'disabled';

const MODES: ReadonlySet<unknown> = new Set<ShortNameMode>(['enforcing', 'permissive', 'disabled']);

/**
 * Reads the same files for `[aliases]`, `unqualified-search-registries` and `short-name-mode`; what comes later wins, an empty alias takes one back.
 *
 * @throws SlipwayError OCI_REGISTRIES_CONF_INVALID
 */
export async function loadShortNames(
  paths: ReturnType<typeof registriesConfPaths> = registriesConfPaths(),
): Promise<ShortNames> {
  const aliases = new Map<string, string>();
  let search: readonly string[] = [];
  let mode: ShortNameMode = 'permissive';
  for (const { path, text } of await readConfFiles(paths)) {
    const document = await parseToml(text, path);
    search = textList(document, 'unqualified-search-registries', path) ?? search;
    mode = modeOf(document['short-name-mode'], path) ?? mode;
    const table = document['aliases'];
    if (table === undefined) continue;
    if (typeof table !== 'object' || table === null) throw invalidConf(path, '[aliases] is not a table');
    for (const [name, value] of Object.entries(table)) {
      if (typeof value !== 'string')
        throw invalidConf(path, `the alias ${JSON.stringify(name)} is not a text`);
      if (value === '') aliases.delete(name);
      else aliases.set(name, value);
    }
  }
  return { aliases, search, mode };
}

/** Undefined where the file does not say. */
function modeOf(value: unknown, path: string): ShortNameMode | undefined {
  if (value === undefined || value === '') return undefined;
  if (MODES.has(value)) return value as ShortNameMode;
  throw invalidConf(path, 'short-name-mode is none of enforcing, permissive and disabled');
}
