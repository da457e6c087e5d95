import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getAsset, isSea } from 'node:sea';
import { fileURLToPath } from 'node:url';
import { messageOf, SlipwayError } from '@slipway/core';

/** What native/linux.c exports: values checked there, meaning given by the files beside this one. */
export interface LinuxAddon {
  verityEnable(fd: number, algorithm: number): Promise<void>;
  verityMeasure(fd: number): { readonly algorithm: number; readonly digest: Buffer };
  flock(fd: number, operation: number): boolean;
  renameat2(from: Buffer, to: Buffer, flags: number): void;
  linkFd(fd: number, path: Buffer): void;
  syncfs(fd: number): Promise<void>;
  openat2(directoryFd: number, path: Buffer, flags: number, mode: number, resolve: number): number;
  mknod(path: Buffer, mode: number, major: number, minor: number): void;
  lutimes(path: Buffer, atimeSec: number, atimeNsec: number, mtimeSec: number, mtimeNsec: number): void;
  lgetxattr(path: Buffer, name: Buffer): Buffer;
  lsetxattr(path: Buffer, name: Buffer, value: Buffer, flags: number): void;
  llistxattr(path: Buffer): Buffer;
  lremovexattr(path: Buffer, name: Buffer): void;
  sendDatagram(socketPath: Buffer, message: Buffer): Promise<void>;
  frugalMalloc(): void;
  trimMalloc(): void;
}

/** Name of the addon among the assets of a single executable. */
export const ADDON_ASSET = 'linux.node';

let loaded: LinuxAddon | undefined;

/**
 * The addon, loaded by its first use so that a command that needs no system call never pays for it.
 *
 * @throws SlipwayError LINUX_ONLY on another system, ADDON_MISSING when it was not built or does not load
 */
export function addon(): LinuxAddon {
  loaded ??= load();
  return loaded;
}

function load(): LinuxAddon {
  if (process.platform !== 'linux') {
    throw new SlipwayError(
      'LINUX_ONLY',
      `cannot do this on ${process.platform}: it needs system calls of Linux`,
      {
        hint: 'run it on Linux, or in a virtual machine of it',
      },
    );
  }
  return isSea() ? loadAsset() : loadFile(builtFile());
}

/** The build in a checkout, or the addon beside a bundled script. */
function builtFile(): string {
  const candidates = [`../native/build/linux-${process.arch}.node`, `./${ADDON_ASSET}`];
  const paths = candidates.map((candidate) => fileURLToPath(new URL(candidate, import.meta.url)));
  const found = paths.find((path) => existsSync(path));
  if (found === undefined) {
    throw new SlipwayError(
      'ADDON_MISSING',
      `cannot load the native addon: there is no ${paths.join(' and no ')}`,
      {
        hint: 'build it: packages/linux/native/build.sh',
      },
    );
  }
  return found;
}

/**
 * The dynamic loader wants a file. Some places forbid executing what they hold (noexec), so the usual ones are tried in
 * turn; the mapping outlives the file, which is removed at once.
 */
function loadAsset(): LinuxAddon {
  const bytes = new Uint8Array(getAsset(ADDON_ASSET));
  const refusals: string[] = [];
  for (const parent of [tmpdir(), '/run', '/dev/shm']) {
    try {
      return loadBytes(bytes, parent);
    } catch (cause) {
      refusals.push(`${parent}: ${messageOf(cause)}`);
    }
  }
  throw new SlipwayError('ADDON_MISSING', `cannot load the native addon:\n${refusals.join('\n')}`, {
    hint: 'set TMPDIR to a directory you can write to and that is not mounted noexec',
  });
}

function loadBytes(bytes: Uint8Array, parent: string): LinuxAddon {
  const directory = mkdtempSync(join(parent, 'slipway-addon-'));
  try {
    const path = join(directory, ADDON_ASSET);
    writeFileSync(path, bytes, { mode: 0o700 });
    return loadFile(path);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function loadFile(path: string): LinuxAddon {
  const module: { exports: Partial<LinuxAddon> } = { exports: {} };
  try {
    process.dlopen(module, path);
  } catch (cause) {
    throw new SlipwayError('ADDON_MISSING', `cannot load the native addon: ${messageOf(cause)}`, { cause });
  }
  return module.exports as LinuxAddon;
}
