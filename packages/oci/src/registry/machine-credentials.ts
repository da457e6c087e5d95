/** Credentials as this machine is set up to find them (containers-registries.conf(5), `credential-helpers`). */
import { isSlipwayError, messageOf, SlipwayError } from '@slipway/core';
import { authFilePaths, registriesConfPaths } from './config-paths.ts';
import {
  askHelper,
  type CredentialSource,
  type Credentials,
  credentialsFromFiles,
  isHelperName,
} from './credentials.ts';
import { invalidConf, parseToml, readConfFiles, textList } from './registries-conf.ts';

/** Where a machine has its configuration; what is left out is where this one has it. */
export interface CredentialPaths {
  readonly authFiles?: readonly string[];
  readonly registriesConf?: ReturnType<typeof registriesConfPaths>;
}

/** The name in `credential-helpers` that is no program but the auth files. */
const AUTH_FILES = 'containers-auth.json';

/**
 * Asks the `credential-helpers` of registries.conf in their order, the auth files where these stand among them; the auth files
 * alone when it names none. The first that has credentials counts. One that fails is passed over, and is an error only when
 * no other has any. Nothing is read before somebody asks.
 *
 * Its `find` throws SlipwayError OCI_REGISTRIES_CONF_INVALID, OCI_AUTH_FILE_INVALID, TOOL_MISSING for a helper that is not installed.
 */
export function machineCredentials({ authFiles, registriesConf }: CredentialPaths = {}): CredentialSource {
  let sources: Promise<readonly CredentialSource[]> | undefined;
  return {
    async find(registry, repository) {
      sources ??= openSources(authFiles ?? authFilePaths(), registriesConf ?? registriesConfPaths());
      return await firstFound(await sources, registry, repository);
    },
  };
}

/**
 * The `credential-helpers` of the last file that names any.
 *
 * @throws SlipwayError OCI_REGISTRIES_CONF_INVALID
 */
export async function loadCredentialHelpers(
  paths: ReturnType<typeof registriesConfPaths> = registriesConfPaths(),
): Promise<readonly string[]> {
  let helpers: readonly string[] = [];
  for (const { path, text } of await readConfFiles(paths)) {
    // A TOML parser takes time to load, and next to no file has this.
    if (!text.includes('credential-helpers')) continue;
    const document = await parseToml(text, path);
    helpers = textList(document, 'credential-helpers', path) ?? helpers;
    const bad = helpers.find((name) => !isHelperName(name));
    if (bad !== undefined)
      throw invalidConf(path, `${JSON.stringify(bad)} is not the name of a credential helper`);
  }
  return helpers.length === 0 ? [AUTH_FILES] : helpers;
}

async function openSources(
  authFiles: readonly string[],
  paths: ReturnType<typeof registriesConfPaths>,
): Promise<readonly CredentialSource[]> {
  const helpers = await loadCredentialHelpers(paths);
  return helpers.map((name) =>
    name === AUTH_FILES ? credentialsFromFiles(authFiles) : { find: (registry) => askHelper(name, registry) },
  );
}

async function firstFound(
  sources: readonly CredentialSource[],
  registry: string,
  repository: string,
): Promise<Credentials | undefined> {
  const failures: SlipwayError[] = [];
  for (const source of sources) {
    try {
      const found = await source.find(registry, repository);
      if (found !== undefined) return found;
    } catch (thrown) {
      if (!isSlipwayError(thrown)) throw thrown;
      failures.push(thrown);
    }
  }
  const [first, ...others] = failures;
  if (first === undefined) return undefined;
  if (others.length === 0) throw first;
  throw new SlipwayError(
    'OCI_AUTH_FILE_INVALID',
    `cannot find the credentials for ${registry}: ${failures.map(messageOf).join('; ')}`,
    { hint: 'registries.conf says under credential-helpers which are asked', cause: first },
  );
}
