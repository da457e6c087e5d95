import { SlipwayError } from '@slipway/core';

/** Debian releases a base image can be made of. */
export type DebianRelease = 'trixie' | 'bookworm';

/** What a base image of one release is made of. */
export interface BaseRecipe {
  readonly release: DebianRelease;
  /** Debian's version number: the image's version label. */
  readonly version: string;
  readonly packages: readonly string[];
  /** Taken from `<release>-backports` together with what they depend on. */
  readonly backports: readonly string[];
}

/** What every release brings. Small on purpose: a Containerfile adds the rest. */
const PACKAGES: readonly string[] = [
  // Starting: firmware to login.
  'init',
  'systemd',
  'systemd-boot',
  'systemd-boot-efi',
  'udev',
  'kmod',
  'dracut',
  'zstd',
  // Keeping the disk: growing it, checking it, sealing its objects.
  'fdisk',
  'e2fsprogs',
  'dosfstools',
  'fsverity',
  // What the single executable of Slipway is linked with.
  'libatomic1',
  'libstdc++6',
  // Loads the profile of apps into the kernel.
  'apparmor',
  // Seals the key of a host in a fleet to its TPM.
  'tpm2-tools',
  // Being reached.
  'openssh-server',
  'systemd-resolved',
  'libnss-resolve',
  'systemd-timesyncd',
  'iproute2',
  'iputils-ping',
  'netbase',
  'ca-certificates',
  'curl',
  // Being used.
  'dbus',
  'libpam-systemd',
  'polkitd',
  'sudo',
  'procps',
  'less',
  'vim-tiny',
  'bash-completion',
  'tzdata',
];

const RECIPES: Readonly<Record<DebianRelease, BaseRecipe>> = {
  trixie: {
    release: 'trixie',
    version: '13',
    packages: [...PACKAGES, 'linux-image-amd64'],
    backports: [],
  },
  bookworm: {
    release: 'bookworm',
    version: '12',
    packages: PACKAGES,
    // Mounting an EROFS image from a file needs Linux 6.12; the release itself has 6.1.
    backports: ['linux-image-amd64'],
  },
};

/**
 * The recipe for a release.
 *
 * @throws SlipwayError RELEASE_UNKNOWN
 */
export function baseRecipe(release: string): BaseRecipe {
  const recipe = Object.values(RECIPES).find((candidate) => candidate.release === release);
  if (recipe === undefined) {
    throw new SlipwayError('RELEASE_UNKNOWN', `cannot build a base image of ${release}: no recipe for it`, {
      hint: `releases with a recipe: ${Object.keys(RECIPES).join(', ')}`,
      details: { release },
    });
  }
  return recipe;
}
