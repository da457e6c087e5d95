/** Checks that nothing of one machine is in the image of many. */
import type { Lint } from './lint.ts';

const DPKG_STATUS = ['usr/lib/sysimage/dpkg/status', 'var/lib/dpkg/status'] as const;

/** What every machine makes for itself, and what a build has to finish. */
export const MACHINE_LINTS: readonly Lint[] = [
  {
    name: 'machine-id',
    level: 'warning',
    summary: '/etc/machine-id names no machine',
    check: async (root) => {
      const id = (await root.text('etc/machine-id'))?.trim() ?? '';
      return /^[0-9a-f]{32}$/.test(id) ? ['/etc/machine-id: every host would have the same'] : [];
    },
  },
  {
    name: 'ssh-host-keys',
    level: 'warning',
    summary: 'there are no SSH host keys',
    check: async (root) => {
      const names = (await root.names('etc/ssh')).filter((name) => /^ssh_host_.*_key$/.test(name));
      return names.map((name) => `/etc/ssh/${name}: every host would have the same, and everyone its secret`);
    },
  },
  {
    name: 'dpkg-unfinished',
    level: 'fatal',
    summary: 'no Debian package is installed in part',
    check: async (root) => {
      for (const path of DPKG_STATUS) {
        const text = await root.text(path);
        if (text !== undefined) return unfinishedPackages(text);
      }
      return [];
    },
  },
];

/** dpkg(1), package states: what is neither installed nor gone. */
function unfinishedPackages(status: string): readonly string[] {
  return status.split(/\n\n+/).flatMap((stanza) => {
    const name = /^Package: (?<name>\S+)$/m.exec(stanza)?.groups?.['name'];
    const state = /^Status: \S+ \S+ (?<state>\S+)$/m.exec(stanza)?.groups?.['state'];
    if (name === undefined || state === undefined) return [];
    return ['installed', 'not-installed', 'config-files'].includes(state) ? [] : [`${name} is ${state}`];
  });
}
