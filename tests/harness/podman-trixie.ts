/**
 * podman and skopeo of Debian 13, whichever Debian this is: older ones write another, unfinished zstd:chunked. They are
 * unpacked once under build/cache and run in a mount namespace with their own root; nothing is installed. Needs root.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type RunResult, run } from '@slipway/core';
import { CACHE } from './slipway.ts';
import { type UnpackedPackages, unpackPackages } from './unpacked-packages.ts';

const PACKAGES: UnpackedPackages = {
  name: 'podman-trixie',
  suite: 'trixie',
  packages: ['podman', 'skopeo', 'base-files', 'bash', 'coreutils', 'ca-certificates', 'netbase'],
  finish: configure,
};
const ROOT = `${CACHE}/${PACKAGES.name}`;

/** Where the programs find the directory of the test. */
const SHARED = '/mnt';

/** Gets the tools; the first time takes half a minute and a Debian mirror. */
export async function preparePodman(): Promise<void> {
  await unpackPackages(PACKAGES);
}

/** What maintainer scripts would make; none has run. */
async function configure(root: string): Promise<void> {
  const etc = join(root, 'etc');
  await writeFile(join(etc, 'passwd'), 'root:x:0:0:root:/root:/bin/sh\n');
  await writeFile(join(etc, 'group'), 'root:x:0:\n');
  await writeFile(join(etc, 'containers/policy.json'), '{"default":[{"type":"insecureAcceptAnything"}]}');
}

/**
 * Runs podman with its images in a directory of the test's, which must be on a file system overlayfs takes.
 *
 * @param directory kept between calls; podman sees it as `/mnt`
 */
export async function podman(directory: string, args: readonly string[]): Promise<RunResult> {
  const configuration = [
    '[storage]',
    'driver = "overlay"',
    `graphroot = "${SHARED}/graph"`,
    'runroot = "/run/graph"',
    '[storage.options]',
    'pull_options = {enable_partial_images = "true", convert_images = "false"}',
    '',
  ];
  await writeFile(join(directory, 'storage.conf'), configuration.join('\n'));
  const script = [
    'for d in proc dev sys; do mkdir -p "$0/$d"; mount --rbind "/$d" "$0/$d"; done',
    `mkdir -p "$0/run" "$0/root" "$0/var/tmp" "$0${SHARED}"`,
    'mount -t tmpfs tmpfs "$0/run"',
    `mount --bind "$1" "$0${SHARED}"`,
    'shift; exec chroot "$0" /usr/bin/podman --log-level=debug "$@"',
  ];
  const namespace = ['unshare', '--mount', '--propagation', 'private', '--', 'sh', '-euc', script.join('\n')];
  const environment = {
    HOME: '/root',
    CONTAINERS_STORAGE_CONF: `${SHARED}/storage.conf`,
    TMPDIR: '/var/tmp',
  };
  return await run(['env', ...namespace, ROOT, directory, ...args], {
    describe: `podman ${args.join(' ')}`,
    env: environment,
  });
}
