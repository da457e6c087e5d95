/**
 * Directories of kernels on an ESP, one for each different pair of kernel and initramfs, below `EFI/Linux`. Slipway's are
 * `slipway-<id>` with `linux` and `initrd`; bootc's composefs backend calls them `bootc_composefs-<id>`, with `vmlinuz` and `initrd`.
 * Either is named after the first deployment that brought it.
 */

/** What they are below, from the root of an ESP. */
export const KERNELS = 'EFI/Linux';

/** Paths of a pair, from the root of the ESP, `/` first. */
export interface KernelPaths {
  readonly linux: string;
  readonly initrd: string;
}

/** Whose naming a directory follows. */
export type KernelNaming = 'slipway' | 'bootc';

const PREFIXES: Readonly<Record<KernelNaming, string>> = { slipway: 'slipway-', bootc: 'bootc_composefs-' };
const ID = /^(?:[0-9a-f]{64}|[0-9a-f]{128})$/;

/** The directory of a deployment's own kernel, from the root of the ESP, `/` first. */
export function kernelDirectory(id: string, naming: KernelNaming = 'slipway'): string {
  return `/${KERNELS}/${PREFIXES[naming]}${id}`;
}

/** Where the files of a pair are in a directory: bootc calls the kernel otherwise. */
export function kernelPaths(directory: string): KernelPaths {
  const isBootcs = kernelNaming(directory.slice(directory.lastIndexOf('/') + 1)) === 'bootc';
  return { linux: `${directory}/${isBootcs ? 'vmlinuz' : 'linux'}`, initrd: `${directory}/initrd` };
}

/** Whose a directory of that name is; undefined for one of neither. */
export function kernelNaming(name: string): KernelNaming | undefined {
  const namings = ['slipway', 'bootc'] as const;
  return namings.find(
    (naming) => name.startsWith(PREFIXES[naming]) && ID.test(name.slice(PREFIXES[naming].length)),
  );
}
