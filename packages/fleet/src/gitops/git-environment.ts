import { join } from 'node:path';

/** Nothing of the machine's own settings, and no way to ask anybody for a password. Secrets are in the environment, not in arguments. */
export function environmentOf(
  directory: string,
  config: readonly (readonly [string, string])[],
): Readonly<Record<string, string>> {
  const settings = config.flatMap(([key, value], index) => [
    [`GIT_CONFIG_KEY_${index}`, key],
    [`GIT_CONFIG_VALUE_${index}`, value],
  ]);
  return {
    HOME: directory,
    GIT_DIR: join(directory, 'repository'),
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_CONFIG_PARAMETERS: '',
    GIT_CONFIG_COUNT: String(config.length),
    ...Object.fromEntries(settings),
    GIT_ALLOW_PROTOCOL: 'https',
    GIT_TERMINAL_PROMPT: '0',
    GIT_ASKPASS: '/bin/false',
    GIT_ATTR_NOSYSTEM: '1',
    https_proxy: '',
    HTTPS_PROXY: '',
    all_proxy: '',
    ALL_PROXY: '',
  };
}
