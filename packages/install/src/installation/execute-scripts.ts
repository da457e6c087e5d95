import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '@slipway/core';
import { hostLayout } from '@slipway/host';
import type { Executors, InstallContext } from './context.ts';
import { runScript } from './run-script.ts';

/** What a system has besides its files, and a script inside it expects. */
const OF_THE_MACHINE = ['/dev', '/proc', '/sys', '/run'] as const;

/** Steps that run what a kickstart file brings. */
export const SCRIPT_EXECUTORS: Executors<'mount-system' | 'run-script'> = {
  // As the initramfs does it (os/dracut/90slipway/slipway-root.sh), without asking for the seals again.
  'mount-system': async ({ deployment }, context) => {
    const physical = join(context.directory, 'root');
    const paths = hostLayout(physical);
    const image = join(context.directory, 'image');
    const system = join(context.directory, 'system');
    await mkdir(image, { recursive: true });
    await mkdir(system, { recursive: true });
    await mounted(context, ['-t', 'erofs', '-o', 'ro', join(paths.composefs, 'images', deployment)], image);
    const lower = `lowerdir=${image}::${join(paths.composefs, 'objects')}`;
    await mounted(
      context,
      ['-t', 'overlay', '-o', `ro,metacopy=on,redirect_dir=on,${lower}`, 'overlay'],
      system,
    );
    await mounted(context, ['--rbind', paths.deployment(deployment).etc], join(system, 'etc'));
    await mounted(context, ['--rbind', paths.varDirectory], join(system, 'var'));
    await mounted(context, ['-t', 'tmpfs', 'tmpfs'], join(system, 'tmp'));
    for (const path of OF_THE_MACHINE)
      await mounted(context, ['--rbind', '--make-rslave', path], join(system, path));
  },

  'run-script': async ({ index, inNewSystem }, { scripts, directory, operation }) => {
    const script = scripts[index];
    if (script === undefined) return;
    const root = inNewSystem ? join(directory, 'system') : undefined;
    await runScript(script, { root, installPath: join(directory, 'system') }, operation);
  },
};

async function mounted(
  { operation, opened }: InstallContext,
  args: readonly string[],
  at: string,
): Promise<void> {
  await run(['mount', ...args, at], { describe: `mount ${at}`, ...operation });
  opened.defer(async () => {
    await run(['umount', '--recursive', '--lazy', at], { describe: `unmount ${at}` });
  });
}
