/** Checks of users and groups: `/etc/passwd` is merged as one file, so an update cannot add a user to a changed one. */
import { configurationLines } from './lines.ts';
import type { Lint } from './lint.ts';
import type { LintRoot } from './lint-root.ts';

/** Users and groups Debian has on every system under fixed numbers: base-passwd puts them there. */
const BASE_PASSWD = 'usr/share/base-passwd';

/** Who an image knows. */
export const USER_LINTS: readonly Lint[] = [
  {
    name: 'sysusers',
    level: 'warning',
    summary: 'every user and group is also made by sysusers.d, or one of base-passwd',
    check: async (root) => {
      const { users, groups } = await madeBySysusers(root);
      const missing = async (file: string, made: ReadonlySet<string>): Promise<readonly string[]> => {
        const fixed = new Set(await firstFields(root, `${BASE_PASSWD}/${file}.master`));
        return (await firstFields(root, `etc/${file}`)).filter(
          (name) => name !== 'root' && !made.has(name) && !fixed.has(name),
        );
      };
      return [
        ...(await missing('passwd', users)).map((name) => `user ${name} is in no file of sysusers.d`),
        ...(await missing('group', groups)).map((name) => `group ${name} is in no file of sysusers.d`),
      ];
    },
  },
];

async function madeBySysusers(
  root: LintRoot,
): Promise<{ readonly users: ReadonlySet<string>; readonly groups: ReadonlySet<string> }> {
  const users = new Set<string>();
  const groups = new Set<string>();
  for (const [type = '', name = '', id = ''] of await configurationLines(root, 'sysusers.d')) {
    if (type.startsWith('u')) users.add(name);
    // A user brings a group of its own name, unless its line says another one.
    if (type.startsWith('g') || (type.startsWith('u') && !id.includes(':'))) groups.add(name);
  }
  return { users, groups };
}

async function firstFields(root: LintRoot, path: string): Promise<readonly string[]> {
  const lines = ((await root.text(path)) ?? '').split('\n');
  return lines.flatMap((line) => (/^[^#:\s][^:]*:/.test(line) ? [line.slice(0, line.indexOf(':'))] : []));
}
