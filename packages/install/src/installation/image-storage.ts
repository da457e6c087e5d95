import { readFile } from '@slipway/composefs';
import { SlipwayError } from '@slipway/core';
import type { PreparedHost } from '../prepare-host.ts';
import { initramfsNames } from './initramfs-names.ts';

/** What an initramfs must be able to do for its root. */
export type StorageNeed = 'luks' | 'tpm2' | 'lvm' | 'raid' | 'btrfs' | 'xfs';

interface Requirement {
  /** One of these is in an initramfs that can. */
  readonly files: RegExp;
  readonly meaning: string;
  /** Debian packages an image must carry when its initramfs is made. */
  readonly packages: string;
}

const REQUIREMENTS: Readonly<Record<StorageNeed, Requirement>> = {
  luks: {
    files: /\/systemd-cryptsetup$/,
    meaning: 'open an encrypted volume',
    packages: 'systemd-cryptsetup cryptsetup-bin',
  },
  tpm2: {
    // What libtss2-esys is made of: there are initramfs images that have the one without the other, and ask for the recovery key.
    files: /\/libtss2-sys\.so\.[^/]*$/,
    meaning: 'ask a TPM',
    packages: 'libtss2-esys-3.0.2-0t64 libtss2-rc0t64 libtss2-tcti-device0t64 libtss2-mu-4.0.1-0t64',
  },
  lvm: { files: /\/lvm$/, meaning: 'find a volume group', packages: 'lvm2' },
  raid: { files: /\/mdadm$/, meaning: 'assemble an array', packages: 'mdadm' },
  btrfs: { files: /\/btrfs\.ko[^/]*$/, meaning: 'mount btrfs', packages: 'btrfs-progs' },
  xfs: { files: /\/xfs\.ko[^/]*$/, meaning: 'mount xfs', packages: 'xfsprogs' },
};

/**
 * Refuses an image that could not come up from the storage its root would lie on.
 *
 * @throws SlipwayError IMAGE_LACKS_STORAGE with everything that is missing, IMAGE_NOT_BOOTABLE
 */
export async function requireStorage(
  { repository, deployment }: PreparedHost,
  needs: ReadonlySet<StorageNeed>,
): Promise<void> {
  if (needs.size === 0) return;
  const names = await initramfsNames(() => readFile(repository, deployment.initrd));
  const missing = missingStorage(names, needs);
  if (missing.length === 0) return;
  const packages = [...new Set(missing.flatMap((need) => REQUIREMENTS[need].packages.split(' ')))];
  throw new SlipwayError(
    'IMAGE_LACKS_STORAGE',
    'cannot install this image on the storage that is asked for: its initramfs would not find the root',
    {
      findings: missing.map((need) => `it cannot ${REQUIREMENTS[need].meaning}`),
      hint: `in the Containerfile of the image: RUN apt-get update && apt-get install -y ${packages.join(' ')} && /usr/libexec/slipway/make-initramfs`,
    },
  );
}

/** What of `needs` an initramfs with these files cannot do. */
export function missingStorage(
  names: ReadonlySet<string>,
  needs: ReadonlySet<StorageNeed>,
): readonly StorageNeed[] {
  const all = [...names];
  return [...needs].filter((need) => !all.some((name) => REQUIREMENTS[need].files.test(name)));
}
