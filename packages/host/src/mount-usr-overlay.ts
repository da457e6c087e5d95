/** Laying a writable layer over `/usr`. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type OperationOptions, operation, run, SlipwayError } from '@slipway/core';
import { requireBootedId } from './deployment.ts';
import { publishStatus } from './status.ts';
import type { HostSystem } from './system.ts';
import { USR_OVERLAY_SOURCE, type UsrOverlay, usrOverlayOf } from './usr-overlay.ts';

/**
 * Lays it over `/usr`, in memory: a reboot, or a power cut anywhere here, leaves nothing of it.
 *
 * @throws SlipwayError NOT_A_SLIPWAY_HOST, NOT_ROOT, USAGE when it is there already, TOOL_FAILED when the kernel refuses
 */
export async function mountUsrOverlay(
  system: HostSystem,
  accessMode: UsrOverlay['accessMode'],
  options: OperationOptions = {},
): Promise<UsrOverlay> {
  await requireBootedId(system);
  if (process.geteuid?.() !== 0) {
    throw new SlipwayError('NOT_ROOT', 'cannot lay a writable layer over /usr: needs root');
  }
  if (usrOverlayOf(await system.mountInfo()) !== null) {
    throw new SlipwayError('USAGE', 'cannot lay a second writable layer over /usr', {
      hint: 'the first one goes with the next boot',
    });
  }
  const { signal, log } = operation(options);
  const directory = join(system.runDirectory, 'usr-overlay');
  const mount = async (argv: readonly string[]): Promise<void> => {
    const describe = 'lay a writable layer over /usr';
    await run(['mount', ...argv], { describe, debianPackage: 'mount', signal, log });
  };
  await mkdir(directory, { recursive: true, mode: 0o700 });
  await mount(['-t', 'tmpfs', '-o', 'mode=0700', USR_OVERLAY_SOURCE, directory]);
  for (const name of ['upper', 'work']) await mkdir(join(directory, name), { mode: 0o755 });
  await mount(overlayArguments(directory, accessMode));
  await publishStatus(system, log);
  return { accessMode, persistence: 'transient' };
}

/** Arguments of mount(8). */
export function overlayArguments(directory: string, accessMode: UsrOverlay['accessMode']): readonly string[] {
  const options = [
    accessMode === 'readOnly' ? 'ro' : 'rw',
    'lowerdir=/usr',
    `upperdir=${join(directory, 'upper')}`,
    `workdir=${join(directory, 'work')}`,
  ];
  return ['-t', 'overlay', '-o', options.join(','), USR_OVERLAY_SOURCE, '/usr'];
}
