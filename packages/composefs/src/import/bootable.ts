import { type ErrorCode, SlipwayError } from '@slipway/core';
import type { ByteString, DirectoryNode, RegularNode } from '../tree.ts';
import { lookupDirectory, lookupPath } from '../tree-path.ts';

/** The kernel of an image and what it starts. */
export interface ImageKernel {
  /** `6.12.48+deb13-amd64`: the directory of its modules. */
  readonly version: string;
  readonly vmlinuz: RegularNode;
  readonly initramfs: RegularNode;
}

/** Where every image-mode system has its kernels: `<version>/vmlinuz` and `<version>/initramfs.img`. */
export const MODULES_DIRECTORY: ByteString = '/usr/lib/modules';

/** Versions become names of files and entries, so nothing may be in them that is not plain. */
const VERSION = /^[A-Za-z0-9][A-Za-z0-9._+~-]{0,127}$/;

/**
 * Finds the one kernel of an image. A directory of modules without a kernel counts for nothing.
 *
 * @throws SlipwayError IMAGE_NO_KERNEL, IMAGE_MANY_KERNELS, IMAGE_NO_INITRAMFS, each saying what to add to the recipe;
 *   IMAGE_NOT_BOOTABLE when its version cannot be a file name
 */
export function findKernel(tree: DirectoryNode): ImageKernel {
  const kernels = [...(lookupDirectory(tree, MODULES_DIRECTORY)?.entries.keys() ?? [])]
    .filter((version) => regularAt(tree, `${MODULES_DIRECTORY}/${version}/vmlinuz`) !== undefined)
    .sort();
  const [version] = kernels;
  if (version === undefined) {
    throw problem('IMAGE_NO_KERNEL', `there is no ${MODULES_DIRECTORY}/<version>/vmlinuz in it`, {
      hint: 'install a kernel in the image and copy it there; slipway base images have one',
    });
  }
  if (kernels.length > 1) {
    throw problem('IMAGE_MANY_KERNELS', `it holds ${kernels.length} kernels: ${kernels.join(', ')}`, {
      hint: `remove all but one from ${MODULES_DIRECTORY}`,
    });
  }
  if (!VERSION.test(version)) {
    throw problem('IMAGE_NOT_BOOTABLE', `its kernel has the version ${JSON.stringify(version)}`, {
      hint: 'give the kernel a version of letters, digits and ._+~-',
    });
  }
  return { version, ...kernelFiles(tree, version) };
}

function kernelFiles(tree: DirectoryNode, version: string): Omit<ImageKernel, 'version'> {
  const directory = `${MODULES_DIRECTORY}/${version}`;
  const vmlinuz = regularAt(tree, `${directory}/vmlinuz`);
  const initramfs = regularAt(tree, `${directory}/initramfs.img`);
  if (vmlinuz === undefined) throw problem('IMAGE_NO_KERNEL', `there is no ${directory}/vmlinuz in it`);
  if (initramfs === undefined) {
    throw problem('IMAGE_NO_INITRAMFS', `there is no ${directory}/initramfs.img in it`, {
      hint: `add RUN dracut --force --kver ${version} ${directory}/initramfs.img to its recipe`,
    });
  }
  return { vmlinuz, initramfs };
}

/**
 * Checks that an image runs on a machine.
 *
 * @param actual architecture the image's configuration names, as Go writes it (`amd64`, `arm64`)
 * @throws SlipwayError IMAGE_WRONG_ARCHITECTURE
 */
export function checkArchitecture(actual: string, wanted: string): void {
  if (actual === wanted) return;
  throw new SlipwayError(
    'IMAGE_WRONG_ARCHITECTURE',
    `cannot use the image: it is for ${actual}, not ${wanted}`,
    {
      hint: `build it for ${wanted}, or choose another architecture`,
      details: { expected: wanted, actual },
    },
  );
}

/** The file at a path, symlinks followed inside the image; a file of no bytes is none. */
function regularAt(tree: DirectoryNode, path: ByteString): RegularNode | undefined {
  const node = lookupPath(tree, path)?.node;
  if (node?.kind !== 'regular') return undefined;
  const empty =
    node.content.kind === 'inline' ? node.content.bytes.length === 0 : node.content.sizeBytes === 0;
  return empty ? undefined : node;
}

function problem(code: ErrorCode, reason: string, context: { readonly hint?: string } = {}): SlipwayError {
  return new SlipwayError(code, `cannot boot the image: ${reason}`, context);
}
