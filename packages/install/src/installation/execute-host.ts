import { resolve } from 'node:path';
import { type Operation, run } from '@slipway/core';
import type { DiskDirectory } from '@slipway/disk';
import { espTreeOf, rootTreeOf } from '../disk-plan.ts';
import type { Executors } from './context.ts';
import { finalizeFilesystem } from './finalize-filesystem.ts';
import { writeTree } from './write-tree.ts';

/** Steps that make the new host. */
export const HOST_EXECUTORS: Executors<'remove' | 'write-host' | 'finalize' | 'release'> = {
  remove: async ({ paths }, { operation }) => {
    await remove(paths, operation);
  },

  finalize: async ({ paths }, { operation }) => {
    for (const path of paths) await finalizeFilesystem(path, operation);
  },

  'write-host': async ({ root, boot, bootCopies = [], replaced = [] }, context) => {
    const { host, isSealed, operation, architecture, directory } = context;
    const { repository, imported, deployment, setup } = host;
    // What would be where another file system is mounted goes there: it is mounted already, at the same path.
    const mounted = new Map<string, DiskDirectory>();
    const plain = { ...setup, mounts: new Map() };
    const tree = rootTreeOf(repository, imported, deployment, plain, mounted, isSealed);
    const shared = { operation, seals: isSealed };
    await writeTree(tree, resolve(directory, root), {
      ...shared,
      keepsMetadata: true,
      task: 'write the root',
    });
    // A power cut from here to the entry leaves a machine that starts neither the old system nor the new one.
    if (replaced.length > 0) await remove(replaced, operation);
    // The entry comes with the boot partition, after everything it refers to.
    const esp = espTreeOf(repository, deployment, architecture);
    for (const each of [boot, ...bootCopies]) {
      await writeTree(esp, resolve(directory, each), {
        ...shared,
        keepsMetadata: false,
        task: 'write the boot partition',
      });
    }
  },

  release: async (_step, { opened }) => {
    await opened.disposeAsync();
  },
};

async function remove(paths: readonly string[], operation: Operation): Promise<void> {
  await run(['rm', '--recursive', '--force', '--one-file-system', '--', ...paths], {
    describe: 'remove what was there',
    ...operation,
  });
}
