import { type Operation, run } from '@slipway/core';

/**
 * Leaves a file system as one that will be booted should be left: blocks nobody uses given back to the disk, everything on stable
 * storage, and nothing written behind our back any more: it is read-only afterwards.
 *
 * @throws SlipwayError TOOL_MISSING, TOOL_FAILED
 */
export async function finalizeFilesystem(path: string, operation: Operation): Promise<void> {
  const options = { debianPackage: 'util-linux', ...operation };
  // Of a disk that cannot give anything back it is no failure.
  await run(['fstrim', '--quiet-unsupported', path], {
    describe: `trim ${path}`,
    allowExitCodes: [1, 32, 64],
    ...options,
  });
  await run(['sync', '--file-system', path], { describe: `write ${path} to its disk`, ...options });
  await run(['mount', '-o', 'remount,ro', path], { describe: `make ${path} read-only`, ...options });
}
