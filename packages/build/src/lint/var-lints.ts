/** Checks of `/var`, which an image fills only when a host is installed: from then on it is the host's. */
import { configurationLines } from './lines.ts';
import type { Lint } from './lint.ts';
import type { LintRoot } from './lint-root.ts';

/** Copies directories a newer image brings into `/var`, at the first boot of each deployment. */
const SEED_VAR = 'usr/libexec/slipway/seed-var';

/** What an image has in `/var`. */
export const VAR_LINTS: readonly Lint[] = [
  {
    name: 'var-log',
    level: 'warning',
    summary: 'no log of the build is left in /var/log',
    check: async (root) => {
      const logs: string[] = [];
      for await (const { path, kind } of root.walk('var/log')) {
        if (kind === 'file' && ((await root.sizeBytes(path)) ?? 0) > 0) logs.push(`/${path} is not empty`);
      }
      return logs;
    },
  },
  {
    name: 'var-tmpfiles',
    level: 'warning',
    summary: 'what is in /var is also made by tmpfiles.d, or copied by seed-var',
    check: async (root) => {
      const made = await madeByTmpfiles(root);
      const isSeeded = (await root.kind(SEED_VAR)) === 'file';
      const missing: string[] = [];
      for await (const { path, kind } of root.walk('var')) {
        const isNeeded = kind === 'file' || !isSeeded;
        if (isNeeded && !isMade(path, made)) missing.push(`/${path} reaches no host that is updated`);
      }
      return missing;
    },
  },
  {
    name: 'package-caches',
    level: 'warning',
    summary: 'no lists and archives of the package manager are left in /var',
    check: async (root) => {
      const left: string[] = [];
      for (const directory of ['var/lib/apt/lists', 'var/cache/apt', 'var/cache/dnf', 'var/cache/libdnf5']) {
        for await (const { path, kind } of root.walk(directory)) {
          if (kind !== 'file' || ((await root.sizeBytes(path)) ?? 0) === 0) continue;
          left.push(`/${directory} holds files of the build, such as /${path}`);
          break;
        }
      }
      return left;
    },
  },
];

/** Paths of tmpfiles.d, with what stands for many names cut off. */
async function madeByTmpfiles(root: LintRoot): Promise<ReadonlySet<string>> {
  const lines = await configurationLines(root, 'tmpfiles.d');
  return new Set(
    lines
      .filter(([type = '']) => /^[fFdDvqQpLcbC]/.test(type))
      .flatMap(([, path = '']) => (path.startsWith('/') ? [path.slice(1).replace(/\/+$/, '')] : []))
      // /var/run is /run, in old files.
      .map((path) => path.replace(/^var\/run\//, 'run/')),
  );
}

/** tmpfiles.d makes it, or something below it and so the directory itself. */
function isMade(path: string, made: ReadonlySet<string>): boolean {
  if (made.has(path)) return true;
  const below = `${path}/`;
  for (const each of made) if (each.startsWith(below)) return true;
  return false;
}
