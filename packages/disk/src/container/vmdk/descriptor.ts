import { createHash } from 'node:crypto';
import type { ContainerIdentity } from '../identity.ts';
import { DESCRIPTOR_SECTORS, SECTOR_BYTES } from './format.ts';

/** Of what every VMware product of today offers. */
const HEADS = 255;
const SECTORS_PER_TRACK = 63;

/** The text that says what a VMDK is, with its place filled up. */
export function vmdkDescriptor(sizeBytes: number, { seed }: ContainerIdentity): Buffer {
  const sectors = sizeBytes / SECTOR_BYTES;
  const cylinders = Math.max(1, Math.floor(sectors / (HEADS * SECTORS_PER_TRACK)));
  const contentId = createHash('sha256').update(`${seed}\0vmdk`).digest('hex').slice(0, 32);
  const text = [
    '# Disk DescriptorFile',
    'version=1',
    // The highest two mean that there is none.
    `CID=${contentId.slice(0, 8).replace(/^f/, '0')}`,
    'parentCID=ffffffff',
    'createType="streamOptimized"',
    '',
    '# Extent description',
    `RDONLY ${sectors} SPARSE "disk.vmdk"`,
    '',
    '# The Disk Data Base',
    '#DDB',
    '',
    'ddb.adapterType = "lsilogic"',
    `ddb.geometry.cylinders = "${cylinders}"`,
    `ddb.geometry.heads = "${HEADS}"`,
    `ddb.geometry.sectors = "${SECTORS_PER_TRACK}"`,
    `ddb.longContentID = "${contentId}"`,
    'ddb.toolsVersion = "2147483647"',
    'ddb.virtualHWVersion = "13"',
    '',
  ].join('\n');
  const place = Buffer.alloc(DESCRIPTOR_SECTORS * SECTOR_BYTES);
  place.write(text, 'latin1');
  return place;
}
