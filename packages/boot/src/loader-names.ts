/** Names of systemd-boot, in images and on boot partitions. */

/** Where it is for one architecture. */
export interface LoaderNames {
  /** In an image, from its root. */
  readonly inImage: string;
  /** On a boot partition, from its root: where the firmware's own entry leads. */
  readonly installed: string;
  /** On a boot partition: where firmware looks that has no entry of ours (UEFI 3.5.1.1). */
  readonly removable: string;
}

const SUFFIXES: Readonly<Record<string, readonly [own: string, firmware: string] | undefined>> = {
  amd64: ['x64', 'X64'],
  arm64: ['aa64', 'AA64'],
};

/** Architectures with a boot loader, as images name them. */
export const LOADER_ARCHITECTURES: readonly string[] = Object.keys(SUFFIXES);

/** The names for an architecture; undefined where there is no such boot loader. */
export function loaderNames(architecture: string): LoaderNames | undefined {
  const suffixes = SUFFIXES[architecture];
  if (suffixes === undefined) return undefined;
  const file = `systemd-boot${suffixes[0]}.efi`;
  return {
    inImage: `/usr/lib/systemd/boot/efi/${file}`,
    installed: `EFI/systemd/${file}`,
    removable: `EFI/BOOT/BOOT${suffixes[1]}.EFI`,
  };
}
