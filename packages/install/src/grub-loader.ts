/** GRUB for machines with a BIOS, out of the modules an image carries. */
import {
  assembleGrubCore,
  GRUB_MODULES,
  type GrubMedium,
  grubMedium,
  type ReadGrubFile,
} from '@slipway/boot';
import { type DirectoryNode, lookupPath } from '@slipway/composefs';
import { collectBytes, SlipwayError } from '@slipway/core';
import type { FileReader } from '@slipway/host';

/** Where grub-pc-bin puts its modules. */
const GRUB_DIRECTORY = '/usr/lib/grub/i386-pc';

/** The boot partition is the first of every disk, and the second of a medium, whose files are the first. */
const PREFIX = { disk: '(,gpt1)/grub', medium: '(,gpt2)/grub' } as const;
/** No file of GRUB is as large. */
const FILE_MOST_BYTES = 2 * 1024 * 1024;

/** What makes a disk boot on a BIOS. */
export interface GrubLoader {
  /** `boot.img`, for the first sector. */
  readonly bootImage: Uint8Array;
  /** For the BIOS boot partition. */
  readonly core: Buffer;
}

/**
 * Assembles GRUB; undefined for an image without its modules, and for architectures no BIOS starts: such a disk boots on UEFI alone.
 *
 * @throws SlipwayError GRUB_INVALID when modules are there and do not fit together
 */
export async function findGrub(
  image: DirectoryNode,
  read: FileReader,
  architecture: string,
): Promise<GrubLoader | undefined> {
  const readFile = grubFileReader(image, read, architecture);
  if (readFile === undefined) return undefined;
  return {
    bootImage: await readFile('boot.img'),
    core: await assembleGrubCore(readFile, { modules: GRUB_MODULES, prefix: PREFIX.disk }),
  };
}

/** The same for a medium, a disc or a USB stick. */
export async function findGrubMedium(
  image: DirectoryNode,
  read: FileReader,
  architecture: string,
): Promise<GrubMedium | undefined> {
  const readFile = grubFileReader(image, read, architecture);
  if (readFile === undefined) return undefined;
  const core = await assembleGrubCore(readFile, { modules: GRUB_MODULES, prefix: PREFIX.medium });
  return grubMedium(await readFile('boot.img'), await readFile('cdboot.img'), core);
}

function grubFileReader(
  image: DirectoryNode,
  read: FileReader,
  architecture: string,
): ReadGrubFile | undefined {
  if (architecture !== 'amd64') return undefined;
  if (lookupPath(image, `${GRUB_DIRECTORY}/kernel.img`) === undefined) return undefined;
  return async (name) => {
    const path = `${GRUB_DIRECTORY}/${name}`;
    const node = lookupPath(image, path)?.node;
    const invalid = (why: string): SlipwayError =>
      new SlipwayError('GRUB_INVALID', `cannot use the GRUB of the image: ${path} ${why}`, {
        hint: 'install grub-pc-bin in the image again, or remove its directory for disks that boot on UEFI alone',
        details: { path },
      });
    if (node?.kind !== 'regular') throw invalid('is not there');
    return await collectBytes(read(node), FILE_MOST_BYTES, () => invalid('is too large'));
  };
}
