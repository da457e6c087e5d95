/** Checks of the top of the tree: what has to be a directory, a link, or empty. */
import type { Lint } from './lint.ts';
import type { LintRoot } from './lint-root.ts';

const API_DIRECTORIES = ['dev', 'proc', 'sys', 'run', 'tmp', 'var'] as const;
/** Builders put them there for the time of a build, and mostly take them away again. */
const INJECTED_FILES = ['etc/hostname', 'etc/resolv.conf', 'etc/hosts'] as const;

/** In /run while a container engine runs something: they are not in the image. */
const ENGINE_FILES: ReadonlySet<string> = new Set(['.containerenv', 'secrets']);

/** What the root of an image looks like. */
export const LAYOUT_LINTS: readonly Lint[] = [
  {
    name: 'var-run',
    level: 'fatal',
    summary: '/var/run is a symbolic link, where it exists',
    check: async (root) => {
      const kind = await root.kind('var/run');
      return kind === undefined || kind === 'symlink' ? [] : [`/var/run is no symbolic link but a ${kind}`];
    },
  },
  {
    name: 'etc-usretc',
    level: 'fatal',
    summary: 'there is no /usr/etc beside /etc',
    check: async (root) => {
      const both = (await root.kind('etc')) !== undefined && (await root.kind('usr/etc')) !== undefined;
      return both ? ['/usr/etc exists; defaults go into /etc'] : [];
    },
  },
  {
    name: 'api-base-directories',
    level: 'fatal',
    summary: '/dev, /proc, /sys, /run, /tmp and /var are directories',
    check: async (root) => {
      const kinds = await Promise.all(API_DIRECTORIES.map((path) => root.kind(path)));
      return API_DIRECTORIES.flatMap((path, index) => notDirectory(path, kinds[index]));
    },
  },
  {
    name: 'baseimage-root',
    level: 'fatal',
    summary: '/sysroot is a directory, and /ostree, where it exists, a link to sysroot/ostree',
    check: async (root) => {
      const ostree = await root.kind('ostree');
      const target = (await root.linkTarget('ostree'))?.replace(/^\//, '');
      const wrong = ostree !== undefined && target !== 'sysroot/ostree';
      return [
        ...notDirectory('sysroot', await root.kind('sysroot')),
        ...(wrong ? ['/ostree is no symbolic link to sysroot/ostree'] : []),
      ];
    },
  },
  {
    name: 'buildah-injected',
    level: 'warning',
    summary: 'no empty file a builder left in /etc',
    notInPlace: true,
    check: async (root) => {
      const sizes = await Promise.all(
        INJECTED_FILES.map(async (path) =>
          (await root.kind(path)) === 'file' ? await root.sizeBytes(path) : undefined,
        ),
      );
      return INJECTED_FILES.filter((_path, index) => sizes[index] === 0).map(
        (path) => `/${path} is empty: a builder left it, and it would be the host's`,
      );
    },
  },
  {
    name: 'nonempty-boot',
    level: 'warning',
    summary: '/boot is an empty directory, but for /boot/EFI',
    check: async (root) => {
      const kind = await root.kind('boot');
      if (kind !== 'directory') return notDirectory('boot', kind);
      const names = (await root.names('boot')).filter((name) => name !== 'EFI');
      return names.map((name) => `/boot/${name}: what boots is taken from /usr/lib/modules`);
    },
  },
  {
    name: 'nonempty-run-tmp',
    level: 'warning',
    summary: '/run and /tmp are empty',
    check: async (root) => [...(await contents(root, 'run')), ...(await contents(root, 'tmp'))],
  },
];

async function contents(root: LintRoot, directory: string): Promise<readonly string[]> {
  if (await root.isMounted(directory)) return [];
  const names = await root.names(directory);
  return names
    .filter((name) => directory !== 'run' || !ENGINE_FILES.has(name))
    .map((name) => `/${directory}/${name} is hidden by what is mounted there`);
}

function notDirectory(path: string, kind: string | undefined): readonly string[] {
  if (kind === 'directory') return [];
  return [kind === undefined ? `/${path} does not exist` : `/${path} is no directory but a ${kind}`];
}
