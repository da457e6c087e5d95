import { type OperationOptions, run } from '@slipway/core';

/** How this machine reaches Debian, for a build to reach it the same way. */
export interface AptSettings {
  /** Mirror the machine itself uses, undefined where it names none: then mmdebstrap's own default counts. */
  readonly mirror: AptMirror | undefined;
  /** Lines of apt.conf: proxies, certificates, timeouts. */
  readonly options: readonly string[];
}

/** Where packages and their security updates come from. */
export interface AptMirror {
  readonly main: string;
  readonly security: string | undefined;
}

/** Only how to reach a mirror; never what is installed from it. */
const PASSED_ON = /^Acquire::(https?|ftp|Retries|Check-Valid-Until|Check-Date|ForceIPv[46]|Queue-Mode)\b/;

/**
 * Reads the settings of this machine's apt. A machine without apt has none.
 *
 * @throws SlipwayError TOOL_FAILED when apt is there and does not answer
 */
export async function readAptSettings(options: OperationOptions = {}): Promise<AptSettings> {
  const { signal, log } = options;
  const common = {
    ...(signal === undefined ? {} : { signal }),
    ...(log === undefined ? {} : { log }),
    allowExitCodes: [127],
  };
  const hasApt = await run(['sh', '-c', 'command -v apt-config apt-get'], {
    ...common,
    describe: 'look for apt',
  });
  if (hasApt.exitCode !== 0) return { mirror: undefined, options: [] };
  const config = await run(['apt-config', 'dump'], {
    ...common,
    describe: "read the machine's apt settings",
  });
  const uris = await run(['apt-get', 'update', '--print-uris'], {
    ...common,
    describe: "read the machine's package sources",
  });
  return {
    mirror: parseReleaseUris(uris.stdout.toString('utf8')),
    options: parseAptConfig(config.stdout.toString('utf8')),
  };
}

/** The lines of `apt-config dump` that say how to reach a mirror. */
export function parseAptConfig(dump: string): readonly string[] {
  return dump
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => PASSED_ON.test(line) && !line.endsWith(' "";'));
}

const DEBIAN_SUITES: ReadonlySet<string> = new Set([
  'bookworm',
  'trixie',
  'forky',
  'duke',
  'sid',
  'oldoldstable',
  'oldstable',
  'stable',
  'testing',
  'unstable',
]);

/**
 * Debian's own archive among the machine's sources, from the lines of `apt-get update --print-uris`, which apt prints
 * without having fetched anything. Other archives are not what a base is made of.
 */
export function parseReleaseUris(lines: string): AptMirror | undefined {
  const sources = [
    ...lines.matchAll(/^'(?<uri>https?:\/\/[^']+)\/dists\/(?<suite>[^'/]+)\/InRelease'/gm),
  ].map(({ groups }) => ({ uri: groups?.['uri'] ?? '', suite: groups?.['suite'] ?? '' }));
  const main = sources.find(({ suite }) => DEBIAN_SUITES.has(suite));
  if (main === undefined) return undefined;
  const security = sources.find(
    ({ suite }) =>
      DEBIAN_SUITES.has(suite.replace(/-security$/, '')) &&
      suite !== main.suite &&
      suite.endsWith('-security'),
  );
  return { main: main.uri, security: security?.uri };
}
