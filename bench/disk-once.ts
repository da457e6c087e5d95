/**
 * Turns an image into bootable disks from nothing, in a process of its own so that its memory can be told:
 * `node disk-once.ts REFERENCE TYPE,… DIRECTORY DISK_BYTES`. The disks are in DIRECTORY/out, the store beside it.
 */
import { join } from 'node:path';
import { buildDisks, type DiskType } from '@slipway/install';
import { parseReference } from '@slipway/oci';
import { report } from './compare.ts';

const [image = '', types = '', directory = '', diskBytes = ''] = process.argv.slice(2);
await report(async () => {
  await buildDisks({
    image: parseReference(image),
    architecture: 'amd64',
    types: types.split(',') as DiskType[],
    outputDirectory: join(directory, 'out'),
    diskSizeBytes: Number(diskBytes),
    kernelArguments: [],
    storeDirectory: join(directory, 'store'),
    cacheDirectory: join(directory, 'downloads'),
  });
});
