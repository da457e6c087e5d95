/** This machine dressed as a Slipway host, for a program and its children only. */
import { readdirSync, readlinkSync } from 'node:fs';
import { chmod, mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';

const DEPLOYMENT = 'ab'.repeat(32);

/**
 * What to write before a command so that it runs in a mount namespace whose root was mounted the way the initramfs of a host mounts it:
 * an overlay with the deployment in its source, a physical root and a boot partition that only root may enter, and everything else
 * of this machine. Needs root.
 *
 * @param directory where it is put together, once
 */
export async function onHostLookalike(directory: string): Promise<readonly string[]> {
  const own = join(directory, 'host');
  const none = join(directory, 'host-none');
  const root = join(directory, 'host-root');
  for (const path of [join(own, 'sysroot/state'), join(own, 'boot/loader/entries'), none, root]) {
    await mkdir(path, { recursive: true });
  }
  for (const path of ['sysroot', 'boot']) await chmod(join(own, path), 0o700);
  const mounts: string[] = [];
  for (const { name, ...entry } of topLevel()) {
    const path = join(own, name);
    if (entry.link !== undefined) await symlink(entry.link, path);
    if (!entry.isDirectory) continue;
    await mkdir(path, { recursive: true });
    mounts.push(`mount --rbind /${name} ${root}/${name}`);
  }
  const script = [
    `mount -t overlay composefs:${DEPLOYMENT} -o ro,lowerdir=${own}:${none} ${root}`,
    ...mounts,
    `exec chroot ${root} "$@"`,
  ];
  return ['unshare', '--mount', '--', 'sh', '-euc', script.join('\n'), 'sh'];
}

interface TopLevelEntry {
  readonly name: string;
  readonly isDirectory: boolean;
  readonly link: string | undefined;
}

function topLevel(): readonly TopLevelEntry[] {
  return readdirSync('/', { withFileTypes: true })
    .filter(({ name }) => name !== 'sysroot' && name !== 'boot')
    .map((entry) => ({
      name: entry.name,
      isDirectory: entry.isDirectory(),
      link: entry.isSymbolicLink() ? readlinkSync(`/${entry.name}`) : undefined,
    }));
}
