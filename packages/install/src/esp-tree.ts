import {
  bootEntryText,
  deploymentEntry,
  ESP_PATHS,
  grubFiles,
  kernelDirectory,
  LOADER_ARCHITECTURES,
  type LoaderNames,
  loaderConf,
  loaderNames,
  parseEntryName,
  slipwayEntryName,
} from '@slipway/boot';
import { type DirectoryNode, lookupPath, type RegularNode } from '@slipway/composefs';
import { SlipwayError } from '@slipway/core';
import type { DiskDirectory, DiskFile, DiskMetadata } from '@slipway/disk';
import { bytesFile, directoryBuilder } from './disk-tree.ts';

/** Long enough to see a key that is held, short enough for a machine that reboots by itself. */
const MENU_SECONDS = 1;

/** What stands on the boot partition of a new host. */
export interface EspContent {
  readonly id: string;
  readonly architecture: string;
  readonly loader: DiskFile;
  readonly linux: DiskFile;
  readonly initrd: DiskFile;
  readonly title: string;
  readonly commandLine: string;
  readonly timeSec: number;
  /** Write GRUB's files too. */
  readonly withGrub: boolean;
}

/** The boot loader in an image. @throws SlipwayError IMAGE_NOT_BOOTABLE when there is none, IMAGE_WRONG_ARCHITECTURE */
export function findLoader(image: DirectoryNode, architecture: string): RegularNode {
  const { inImage } = knownLoader(architecture);
  const node = lookupPath(image, inImage)?.node;
  if (node?.kind === 'regular') return node;
  throw new SlipwayError('IMAGE_NOT_BOOTABLE', `cannot make a bootable disk: the image has no ${inImage}`, {
    hint: 'install the package systemd-boot-efi in the image',
  });
}

/** Where the boot loader is. @throws SlipwayError IMAGE_WRONG_ARCHITECTURE for an architecture without one */
export function knownLoader(architecture: string): LoaderNames {
  const names = loaderNames(architecture);
  if (names !== undefined) return names;
  throw new SlipwayError(
    'IMAGE_WRONG_ARCHITECTURE',
    `cannot make a boot partition for ${architecture}: no boot loader is known`,
    { hint: `architectures with one: ${LOADER_ARCHITECTURES.join(', ')}` },
  );
}

/** The boot partition of a new host: boot loader, kernel, and one entry that is counted like every later one. */
export function espTree(content: EspContent): DiskDirectory {
  const meta: DiskMetadata = { mode: 0o755, uid: 0, gid: 0, mtimeSec: content.timeSec, mtimeNsec: 0 };
  const names = knownLoader(content.architecture);
  const entry = deploymentEntry({
    title: content.title,
    kernelDirectory: kernelDirectory(content.id),
    options: content.commandLine,
  });
  const root = directoryBuilder(meta);
  // Two copies: FAT knows no links, and firmware without an entry of ours looks in the second place only.
  root.put(names.installed, { ...content.loader });
  root.put(names.removable, { ...content.loader });
  root.put(`${kernelDirectory(content.id)}/linux`, content.linux);
  root.put(`${kernelDirectory(content.id)}/initrd`, content.initrd);
  root.put(ESP_PATHS.loaderConf, bytesFile(Buffer.from(loaderConf({ timeoutSeconds: MENU_SECONDS })), meta));
  const fileName = slipwayEntryName(1);
  root.put(`${ESP_PATHS.entries}/${fileName}`, bytesFile(Buffer.from(bootEntryText(entry)), meta));
  const name = parseEntryName(fileName);
  if (content.withGrub && name !== undefined) {
    const files = grubFiles([{ name, entry }], { timeoutSeconds: MENU_SECONDS });
    for (const [path, bytes] of files) root.put(path, bytesFile(bytes, meta));
  }
  return root.build();
}
