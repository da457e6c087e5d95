import { formatBytes, SlipwayError } from '@slipway/core';
import { type BlockDevice, withDescendants } from './block-device.ts';
import type { Signature } from './find-signatures.ts';

/** Kinds of devices a partition table can be put on. */
const WHOLE: readonly string[] = ['disk', 'loop'];
const SECTOR_BYTES = 512;

/**
 * The whole disk of that path.
 *
 * @throws SlipwayError DISK_NOT_FOUND, and DISK_UNSUITABLE for what is no whole disk, cannot be written, or has other sectors
 */
export function requireDisk(devices: readonly BlockDevice[], path: string): BlockDevice {
  const disk = devices.find((each) => each.path === path);
  if (disk === undefined) {
    const parent = devices.find((each) => [...withDescendants(each)].some((inner) => inner.path === path));
    if (parent === undefined) {
      throw new SlipwayError('DISK_NOT_FOUND', `cannot install to ${path}: there is no such disk`, {
        hint: disksHint(devices),
        details: { path },
      });
    }
    throw unsuitable(path, `it is a part of ${parent.path}`, `name the whole disk: ${parent.path}`);
  }
  if (!WHOLE.includes(disk.type))
    throw unsuitable(path, `it is a device of type ${disk.type}, no disk`, disksHint(devices));
  if (disk.isReadOnly)
    throw unsuitable(path, 'it is read-only', 'look for a switch on it, or at blockdev --setrw');
  if (disk.sizeBytes === 0)
    throw unsuitable(path, 'it has no size: there is no medium in it', disksHint(devices));
  if (disk.sectorBytes !== SECTOR_BYTES) {
    throw unsuitable(
      path,
      `its sectors have ${disk.sectorBytes} bytes, only ${SECTOR_BYTES} are supported`,
      "many disks can be told to show sectors of 512 bytes: nvme format --lbaf, or its maker's tool",
    );
  }
  return disk;
}

/**
 * Refuses a disk that anything uses, and one that holds anything unless it may be erased. All reasons are told at once.
 *
 * @throws SlipwayError DISK_IN_USE, which nothing overrides; DISK_NOT_EMPTY
 */
export function guardDisk(
  disk: BlockDevice,
  signatures: readonly Signature[],
  { mayWipe }: { readonly mayWipe: boolean },
): void {
  const uses = usesOf(disk);
  if (uses.length > 0) {
    throw new SlipwayError('DISK_IN_USE', `cannot install to ${disk.path}: it is in use`, {
      findings: uses,
      hint: 'unmount, swapoff, or close what uses it, or choose another disk; --wipe does not help here',
      details: { disk: disk.path },
    });
  }
  const contents = contentsOf(disk, signatures);
  if (contents.length === 0 || mayWipe) return;
  throw new SlipwayError('DISK_NOT_EMPTY', `cannot install to ${disk.path}: it is not empty`, {
    findings: contents,
    hint: 'to erase everything on it give --wipe; slipway install to-disk --dry-run shows what would happen',
    details: { disk: disk.path },
  });
}

/** Who uses a disk or a part of it, a line each. */
export function usesOf(disk: BlockDevice): readonly string[] {
  const uses: string[] = [];
  const look = (device: BlockDevice): void => {
    for (const mountpoint of device.mountpoints) {
      uses.push(
        mountpoint === '[SWAP]'
          ? `${device.path} is used as swap`
          : `${device.path} is mounted at ${mountpoint}`,
      );
    }
    for (const child of device.children) {
      if (child.type !== 'part') uses.push(`${device.path} belongs to ${child.path} (${kindOf(child)})`);
      look(child);
    }
  };
  look(disk);
  return [...new Set(uses)];
}

/** What stands on a disk, a line each. */
export function contentsOf(disk: BlockDevice, signatures: readonly Signature[]): readonly string[] {
  const lines = new Set<string>();
  const add = (path: string, type: string, label: string | undefined): void => {
    lines.add(`${path} holds ${type}${label === undefined ? '' : ` '${label}'`}`);
  };
  for (const device of withDescendants(disk)) {
    if (device.tableType !== undefined && device.path === disk.path)
      add(device.path, device.tableType, undefined);
    if (device.fileSystem !== undefined) add(device.path, device.fileSystem, device.label);
    else if (device.type === 'part')
      lines.add(`${device.path} is a partition of ${formatBytes(device.sizeBytes)}`);
  }
  // PMBR is the protective part of a GPT.
  for (const { path, type, label } of signatures) if (type !== 'PMBR') add(path, type, label);
  return [...lines];
}

const KINDS: Readonly<Record<string, string | undefined>> = {
  crypt: 'an open encrypted volume',
  lvm: 'a logical volume',
  mpath: 'a multipath device',
  dm: 'a mapped device',
};

function kindOf({ type }: BlockDevice): string {
  return KINDS[type] ?? (type.startsWith('raid') ? `a ${type} array` : `a device of type ${type}`);
}

/** A disk in words, for people who must not confuse it with another. */
export function diskWords({ path, sizeBytes, model, serial }: BlockDevice): string {
  const named = [model, serial === undefined ? undefined : `serial ${serial}`].filter(
    (each) => each !== undefined,
  );
  return `${path} (${[formatBytes(sizeBytes), ...named].join(', ')})`;
}

function disksHint(devices: readonly BlockDevice[]): string {
  const disks = devices.filter(({ type, sizeBytes }) => type === 'disk' && sizeBytes > 0);
  return disks.length === 0
    ? 'this machine has no disk'
    : `disks of this machine: ${disks.map(diskWords).join('; ')}`;
}

function unsuitable(path: string, why: string, hint: string): SlipwayError {
  return new SlipwayError('DISK_UNSUITABLE', `cannot install to ${path}: ${why}`, {
    hint,
    details: { path },
  });
}
