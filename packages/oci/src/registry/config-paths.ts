/** Where the tools of this field keep their files. Only this file knows. */
import { homedir } from 'node:os';
import { join } from 'node:path';

/** The parts of a process these lists depend on. */
export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly home: string;
  readonly uid: number;
}

/** Those of this process. */
export function surroundings(): Surroundings {
  return { env: process.env, home: homedir(), uid: process.getuid?.() ?? 0 };
}

/** Files with credentials, in the order podman, docker and bootc look for them; Slipway's own is the first of a host's. */
export function authFilePaths({ env, home, uid }: Surroundings = surroundings()): readonly string[] {
  const explicit = env['REGISTRY_AUTH_FILE'];
  if (explicit !== undefined && explicit !== '') return [explicit];
  const runtime = env['XDG_RUNTIME_DIR'];
  const dockerConfig = env['DOCKER_CONFIG'];
  return [
    runtime === undefined || runtime === ''
      ? `/run/containers/${uid}/auth.json`
      : join(runtime, 'containers/auth.json'),
    join(env['XDG_CONFIG_HOME'] ?? join(home, '.config'), 'containers/auth.json'),
    join(dockerConfig ?? join(home, '.docker'), 'config.json'),
    // Only root may read these.
    ...(uid === 0 ? HOST_AUTH_FILES : []),
  ];
}

const HOST_AUTH_FILES = [
  '/etc/slipway/auth.json',
  '/run/ostree/auth.json',
  '/etc/ostree/auth.json',
  '/usr/lib/ostree/auth.json',
] as const;

/** `registries.conf` and its drop-in directories (containers-registries.conf(5)); what comes later wins. */
export function registriesConfPaths({ env, home, uid }: Surroundings = surroundings()): {
  readonly files: readonly string[];
  readonly dropInDirectories: readonly string[];
  /** Where podman keeps what its user chose when a name could mean several. */
  readonly chosenAliases?: string;
} {
  const explicit = env['CONTAINERS_REGISTRIES_CONF'];
  if (explicit !== undefined && explicit !== '') return { files: [explicit], dropInDirectories: [] };
  const own = join(env['XDG_CONFIG_HOME'] ?? join(home, '.config'), 'containers/registries.conf');
  const personal = uid === 0 ? [] : [own];
  const cache = uid === 0 ? '/var/cache' : (env['XDG_CACHE_HOME'] ?? join(home, '.cache'));
  return {
    files: ['/etc/containers/registries.conf', ...personal],
    dropInDirectories: ['/etc/containers/registries.conf.d', ...personal.map((path) => `${path}.d`)],
    chosenAliases: join(cache, 'containers/short-name-aliases.conf'),
  };
}

/** Directories with one directory per registry that holds its certificates (containers-certs.d(5)). */
export function certificateDirectories({ home, uid }: Surroundings = surroundings()): readonly string[] {
  const system = ['/etc/containers/certs.d', '/etc/docker/certs.d'];
  return uid === 0 ? system : [join(home, '.config/containers/certs.d'), ...system];
}

/** Signature policies (containers-policy.json(5)); the first that is there counts. */
export function policyPaths({ env, home }: Surroundings = surroundings()): readonly string[] {
  const personal = join(env['XDG_CONFIG_HOME'] ?? join(home, '.config'), 'containers/policy.json');
  return [personal, '/etc/containers/policy.json'];
}

/** Directory with the places of signatures (containers-registries.d(5)); the first that is there counts. */
export function registriesDirectories({ env, home, uid }: Surroundings = surroundings()): readonly string[] {
  const personal = join(env['XDG_CONFIG_HOME'] ?? join(home, '.config'), 'containers/registries.d');
  return uid === 0 ? ['/etc/containers/registries.d'] : [personal, '/etc/containers/registries.d'];
}

/** Where simple signatures are when registries.d names no place. */
export function defaultLookaside({ env, home, uid }: Surroundings = surroundings()): string {
  if (uid === 0) return '/var/lib/containers/sigstore';
  return join(env['XDG_DATA_HOME'] ?? join(home, '.local/share'), 'containers/sigstore');
}
