import {
  bootEntryText,
  deploymentEntry,
  ESP_PATHS,
  grubFiles,
  kernelDirectory,
  loaderConf,
  parseEntryName,
  slipwayEntryName,
} from '@slipway/boot';
import { type DirectoryNode, lookupPath, type RegularNode } from '@slipway/composefs';
import { SlipwayError } from '@slipway/core';
import type { DiskDirectory, DiskFile, DiskMetadata } from '@slipway/disk';
import { bytesFile, directoryBuilder } from './disk-tree.ts';

/** Names of the boot loader by architecture: in the image, on the ESP, and where firmware looks first (UEFI 3.5.1.1). */
const LOADERS: Readonly<Record<string, { readonly file: string; readonly removable: string } | undefined>> = {
  amd64: { file: 'systemd-bootx64.efi', removable: 'BOOTX64.EFI' },
  arm64: { file: 'systemd-bootaa64.efi', removable: 'BOOTAA64.EFI' },
};

const LOADER_DIRECTORY = '/usr/lib/systemd/boot/efi';
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

/** The boot loader in an image. @throws SlipwayError IMAGE_NOT_BOOTABLE when there is none */
export function findLoader(image: DirectoryNode, architecture: string): RegularNode {
  const names = LOADERS[architecture];
  if (names === undefined) {
    throw new SlipwayError(
      'IMAGE_WRONG_ARCHITECTURE',
      `cannot make a boot partition for ${architecture}: no boot loader is known`,
      {
        hint: `architectures with one: ${Object.keys(LOADERS).join(', ')}`,
      },
    );
  }
  const path = `${LOADER_DIRECTORY}/${names.file}`;
  const node = lookupPath(image, path)?.node;
  if (node?.kind === 'regular') return node;
  throw new SlipwayError('IMAGE_NOT_BOOTABLE', `cannot make a bootable disk: the image has no ${path}`, {
    hint: 'install the package systemd-boot-efi in the image',
  });
}

/** The name of the boot loader where firmware looks for it on a medium it does not know. */
export function removableLoader(architecture: string): string {
  return LOADERS[architecture]?.removable ?? '';
}

/** The boot partition of a new host: boot loader, kernel, and one entry that is counted like every later one. */
export function espTree(content: EspContent): DiskDirectory {
  const meta: DiskMetadata = { mode: 0o755, uid: 0, gid: 0, mtimeSec: content.timeSec, mtimeNsec: 0 };
  const names = LOADERS[content.architecture];
  const entry = deploymentEntry({
    title: content.title,
    kernelDirectory: kernelDirectory(content.id),
    options: content.commandLine,
  });
  const root = directoryBuilder(meta);
  // Two copies: FAT knows no links, and firmware without an entry of ours looks in the second place only.
  root.put(`EFI/systemd/${names?.file}`, { ...content.loader });
  root.put(`EFI/BOOT/${names?.removable}`, { ...content.loader });
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
