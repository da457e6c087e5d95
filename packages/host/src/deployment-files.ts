/** The files of a deployment beside its `/etc`. */
import { symlink } from 'node:fs/promises';
import {
  type KernelCommandLine,
  makeDirectoryDurably,
  removeFileDurably,
  syncDirectory,
  writeFileDurably,
} from '@slipway/boot';
import { errnoOf } from '@slipway/core';
import { during } from './failure.ts';
import { VAR_LINK_TARGET } from './layout.ts';
import { localArgumentsText } from './local-kargs.ts';
import { formatOrigin, type Origin } from './origin.ts';
import type { HostSystem } from './system.ts';

/**
 * Writes a deployment's directory, `var` link and origin file, whether they are there or not. A cut leaves some of them, each
 * whole; nothing boots the deployment before its entry is written.
 *
 * @param localArguments kernel arguments of this machine's own, where the deployment is given some anew
 */
export async function writeDeploymentFiles(
  system: HostSystem,
  id: string,
  origin: Origin,
  localArguments?: KernelCommandLine,
): Promise<void> {
  const paths = system.layout.deployment(id);
  await during('write the deployment', paths.directory, async () => {
    await makeDirectoryDurably(paths.directory);
    await linkVar(paths.varLink);
    await syncDirectory(paths.directory);
    await writeFileDurably(paths.origin, formatOrigin(origin));
    if (localArguments === undefined) return;
    const text = localArgumentsText(localArguments);
    if (text === undefined) await removeFileDurably(paths.localKargs);
    else await writeFileDurably(paths.localKargs, text);
  });
}

async function linkVar(path: string): Promise<void> {
  try {
    await symlink(VAR_LINK_TARGET, path);
  } catch (thrown) {
    if (errnoOf(thrown) !== 'EEXIST') throw thrown;
  }
}
