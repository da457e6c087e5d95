import { type OperationOptions, SlipwayError } from '@slipway/core';
import { openContent } from '../content.ts';
import { type DiskWriter, windowOf } from '../device/writer.ts';
import { PARTITION_TYPES } from '../gpt/format.ts';
import type { GptLayout } from '../gpt/layout.ts';
import { writeGptDisk } from '../gpt/writer.ts';
import {
  BOOT_RECORD_AT,
  encodeBootRecord,
  encodeCatalog,
  loadSectors,
  placedBiosImage,
} from './boot-catalog.ts';
import { encodePrimary, encodeTerminator } from './descriptor.ts';
import { allAreas, encodeDirectory, encodePathTable } from './directory.ts';
import { PRIMARY_SECTOR, SECTOR_BYTES, SYSTEM_AREA_SECTORS } from './format.ts';
import type { IsoPlan } from './plan.ts';

const AREA_START_BYTES = SYSTEM_AREA_SECTORS * SECTOR_BYTES;
/** What partitioning tools take for occupied, and no system looks into. */
const BASIC_DATA = 'ebd0a0a2-b9e5-4433-87c0-68b6b72699c7';

/**
 * Writes a planned medium in one ascending pass. One that boots by UEFI carries a partition table, too, so that the same bytes boot from a
 * disc and from a USB stick.
 *
 * @throws SlipwayError DISK_CONTENT_CHANGED when a file does not yield the bytes it announced
 */
export async function writeIso(
  target: DiskWriter,
  plan: IsoPlan,
  options: OperationOptions = {},
): Promise<void> {
  const { efi, bios } = plan.options;
  if (efi === undefined || plan.efiImage === undefined) {
    await writeVolume(windowOf(target, AREA_START_BYTES, plan.sizeBytes - AREA_START_BYTES), plan, options);
    return;
  }
  const [files, esp] = partitionUuids(efi.partitionUuid);
  await writeGptDisk(
    target,
    layoutOf(plan),
    {
      bootCode: bios?.bootCode?.((plan.biosImage?.sector ?? 0) * SECTOR_BYTES),
      partitions: new Map([
        [files, (window) => writeVolume(window, plan, options)],
        [esp, (window) => efi.write(window, options)],
      ]),
    },
    options,
  );
}

/** The partition with the files needs a UUID as well: the one of the boot partition with its last digit turned. */
function partitionUuids(esp: string): readonly [string, string] {
  const last = (Number.parseInt(esp.slice(-1), 16) ^ 1).toString(16);
  return [`${esp.slice(0, -1)}${last}`, esp];
}

function layoutOf({ sizeBytes, options, efiImage, endSector }: IsoPlan): GptLayout {
  const { efi } = options;
  if (efi === undefined || efiImage === undefined)
    throw new SlipwayError('INTERNAL', 'cannot lay out a medium');
  const [files, esp] = partitionUuids(efi.partitionUuid);
  return {
    diskUuid: efi.diskUuid,
    sizeBytes,
    partitions: [
      {
        number: 1,
        type: BASIC_DATA,
        uuid: files,
        label: 'files',
        attributes: 0n,
        offsetBytes: AREA_START_BYTES,
        sizeBytes: endSector * SECTOR_BYTES - AREA_START_BYTES,
      },
      {
        number: 2,
        type: PARTITION_TYPES.esp,
        uuid: esp,
        label: 'boot',
        attributes: 0n,
        offsetBytes: efiImage.sector * SECTOR_BYTES,
        sizeBytes: efiImage.sectors * SECTOR_BYTES,
      },
    ],
  };
}

/** Everything after the system area; offsets within the window begin there. */
async function writeVolume(window: DiskWriter, plan: IsoPlan, options: OperationOptions): Promise<void> {
  const put = async (sector: number, bytes: Uint8Array, offsetBytes = 0): Promise<void> => {
    await window.write(sector * SECTOR_BYTES - AREA_START_BYTES + offsetBytes, bytes);
  };
  await put(PRIMARY_SECTOR, encodePrimary(plan));
  if (plan.catalog !== undefined) {
    await put(BOOT_RECORD_AT / SECTOR_BYTES, encodeBootRecord(plan.catalog.sector));
  }
  await put(PRIMARY_SECTOR + (plan.catalog === undefined ? 1 : 2), encodeTerminator());
  await put(plan.pathTableL.sector, encodePathTable(plan.directories, 'LE'));
  await put(plan.pathTableM.sector, encodePathTable(plan.directories, 'BE'));
  for (const directory of plan.directories) {
    await put(directory.sector, encodeDirectory(directory, plan.fieldAreas.sector));
  }
  for (const { offsetBytes, bytes } of allAreas(plan.directories, plan.fieldAreas.sector)) {
    await put(plan.fieldAreas.sector, bytes, offsetBytes);
  }
  await writeBoot(put, plan);
  await writeFiles(window, plan, options);
}

async function writeBoot(
  put: (sector: number, bytes: Uint8Array) => Promise<void>,
  { catalog, biosImage, efiImage, options }: IsoPlan,
): Promise<void> {
  if (catalog === undefined) return;
  const { bios, efi } = options;
  await put(
    catalog.sector,
    encodeCatalog([
      ...(bios === undefined || biosImage === undefined
        ? []
        : [
            {
              platform: 'bios' as const,
              sector: biosImage.sector,
              loadSectors: loadSectors(bios.loadBytes ?? bios.image.length),
            },
          ]),
      ...(efi === undefined || efiImage === undefined
        ? []
        : [{ platform: 'efi' as const, sector: efiImage.sector, loadSectors: loadSectors(efi.sizeBytes) }]),
    ]),
  );
  if (bios !== undefined && biosImage !== undefined) {
    await put(biosImage.sector, placedBiosImage(bios, biosImage.sector));
  }
}

async function writeFiles(window: DiskWriter, { files }: IsoPlan, options: OperationOptions): Promise<void> {
  for (const { node, path, sector } of files) {
    options.signal?.throwIfAborted();
    let at = sector * SECTOR_BYTES - AREA_START_BYTES;
    if (node.kind === 'written-file') {
      await node.write(windowOf(window, at, node.sizeBytes), options);
      continue;
    }
    for await (const chunk of openContent(node, () => path)) {
      options.signal?.throwIfAborted();
      await window.write(at, chunk);
      at += chunk.length;
    }
  }
}
