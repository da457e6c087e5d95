/** What makes a machine itself, in its `/etc`: who knows it by these must find it again. */
import { lstat, mkdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { writeFileDurably } from '@slipway/boot';
import { errnoOf, type Logger, messageOf } from '@slipway/core';
import { runsInLeftState } from './left-state.ts';
import type { HostSystem } from './system.ts';
import { transientPlaces } from './transient.ts';

const HOST_KEYS = ['ed25519', 'ecdsa', 'rsa'].flatMap((kind) => {
  const key = `ssh/ssh_host_${kind}_key`;
  // The secret half last: make-host-keys makes a key anew that lacks it.
  return [`${key}.pub`, key];
});

/** Paths below `/etc`. */
export const IDENTITY_FILES: readonly string[] = ['machine-id', ...HOST_KEYS];

/** Larger files are none of these. */
const MAX_BYTES = 64 * 1024;

/**
 * Where `/etc` is in memory, writes down what it has of the machine's identity in the `/etc` that is kept, from where the initramfs
 * brings it back. What is kept already stays. A cut leaves some of it; the next boot makes the rest anew and writes that down. That it
 * cannot be written (a full disk) is said in the log and stops nothing.
 */
export async function keepIdentity(system: HostSystem, bootedId: string, log: Logger): Promise<void> {
  if (!transientPlaces(await system.mountInfo()).includes('/etc')) return;
  // A host that was reset is to be another one after its restart.
  if (await runsInLeftState(system)) return;
  const kept = system.layout.deployment(bootedId).etc;
  try {
    for (const name of IDENTITY_FILES) {
      if ((await identityFile(kept, name)) === undefined) await keepFile(system.etc, kept, name);
    }
  } catch (thrown) {
    log.warn('the next boot may have another machine-id and other host keys', { reason: messageOf(thrown) });
  }
}

async function keepFile(etc: string, kept: string, name: string): Promise<void> {
  const file = await identityFile(etc, name);
  if (file === undefined) return;
  const path = join(kept, name);
  await mkdir(dirname(path), { recursive: true, mode: 0o755 });
  await writeFileDurably(path, file.bytes, file.mode);
}

/** One that says something: an image ships `machine-id` empty, or as `uninitialized` (machine-id(5)). */
async function identityFile(
  etc: string,
  name: string,
): Promise<{ readonly bytes: Uint8Array; readonly mode: number } | undefined> {
  const path = join(etc, name);
  try {
    const facts = await lstat(path);
    if (!facts.isFile() || facts.size === 0 || facts.size > MAX_BYTES) return undefined;
    const bytes = await readFile(path);
    if (name === 'machine-id' && !/^[0-9a-f]{32}\n?$/.test(bytes.toString('latin1'))) return undefined;
    return { bytes, mode: facts.mode & 0o777 };
  } catch (thrown) {
    if (errnoOf(thrown) === 'ENOENT' || errnoOf(thrown) === 'ENOTDIR') return undefined;
    throw thrown;
  }
}
