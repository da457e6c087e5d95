import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { isSea } from 'node:sea';
import { fileURLToPath } from 'node:url';

/** Files of Slipway itself that go into images. */
export interface OwnFiles {
  /** The single executable that becomes `/usr/bin/slipway`. */
  readonly executable: string;
  /** The directory `os/`. */
  readonly osDir: string;
  /** The console of a fleet as its builder leaves it; not there in a checkout that has not built it. */
  readonly consoleDir: string;
}

/**
 * Where they are: of a checkout in it, the executable built by tools/sea/build.ts; of the executable, itself and
 * the files a package puts under `/usr/share/slipway`.
 */
export function ownFiles(): OwnFiles {
  if (isSea()) {
    return {
      executable: process.execPath,
      osDir: join(dirname(process.execPath), '..', 'share', 'slipway', 'os'),
      consoleDir: join(dirname(process.execPath), '..', 'share', 'slipway', 'console'),
    };
  }
  const checkout = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..');
  return {
    executable: join(checkout, 'build', 'slipway'),
    osDir: join(checkout, 'os'),
    consoleDir: join(checkout, 'build', 'console'),
  };
}

/** What is kept between calls so that nothing is fetched or unpacked twice. */
export interface CachePaths {
  readonly storeDirectory: string;
  readonly cacheDirectory: string;
}

/** In the directory given, else in the user's cache (XDG base directories), else below the home directory. */
export function cachePaths(env: Environment, given: string | undefined): CachePaths {
  const base = cacheDirectory(env, given);
  return { storeDirectory: join(base, 'store'), cacheDirectory: join(base, 'downloads') };
}

/** Where it is remembered which disks were made of what: in the same place. */
export function diskRecordDirectory(env: Environment, given: string | undefined): string {
  return join(cacheDirectory(env, given), 'disks');
}

type Environment = Readonly<Record<string, string | undefined>>;

function cacheDirectory(env: Environment, given: string | undefined): string {
  const xdg = env['XDG_CACHE_HOME'];
  return given ?? join(xdg === undefined || xdg === '' ? join(homedir(), '.cache') : xdg, 'slipway');
}
