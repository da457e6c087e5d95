import { openPartialFile } from '../../device/partial-file.ts';
import type { DiskTarget } from '../../device/writer.ts';
import type { ContainerIdentity } from '../identity.ts';
import { HashedPart, SequentialFile } from '../sequential-file.ts';
import { tarEnd, tarFileHeader, tarPadding } from '../tar-member.ts';
import { checkVmdkSize, vmdkInto } from '../vmdk/writer.ts';
import { DESCRIPTOR_BYTES, type OvaMachine, ovfDescriptor, ovfManifest } from './descriptor.ts';

const MANIFEST_BYTES = ovfManifest(Buffer.alloc(0), 'f'.repeat(64)).length;

/**
 * Opens an OVA for writing: a tar of descriptor, manifest and stream-optimized VMDK, in that order (DSP0243 1.1, 5.3). The disk
 * is written once; what stands before it tells its size and digest, and is put there at the end.
 *
 * @throws SlipwayError DISK_NO_SPACE, IO_FAILED; DISK_INVALID when the size is not whole sectors or above 2 TiB
 */
export async function openOvaTarget(
  path: string,
  sizeBytes: number,
  identity: ContainerIdentity,
  machine: OvaMachine,
): Promise<DiskTarget> {
  checkVmdkSize(sizeBytes);
  const frontBytes = encodeFront(Buffer.alloc(DESCRIPTOR_BYTES), Buffer.alloc(MANIFEST_BYTES), 0, 0).length;
  const file = new SequentialFile(await openPartialFile(path), frontBytes);
  const vmdk = new HashedPart(file);
  const disk = vmdkInto(vmdk, sizeBytes, identity);
  return {
    sizeBytes,
    write: (offsetBytes, bytes) => disk.write(offsetBytes, bytes),
    async finish() {
      await disk.end();
      const descriptor = ovfDescriptor(machine, sizeBytes, vmdk.lengthBytes);
      const manifest = ovfManifest(descriptor, vmdk.sha256());
      const front = encodeFront(descriptor, manifest, vmdk.lengthBytes, identity.timeSec);
      await file.append(tarPadding(vmdk.lengthBytes));
      await file.append(tarEnd(file.lengthBytes));
      await file.finish(front);
    },
    [Symbol.asyncDispose]: () => file[Symbol.asyncDispose](),
  };
}

/** Everything before the bytes of the VMDK. */
function encodeFront(descriptor: Buffer, manifest: Buffer, vmdkBytes: number, timeSec: number): Buffer {
  const header = (name: string, sizeBytes: number): Buffer =>
    tarFileHeader('ustar', name, sizeBytes, timeSec);
  return Buffer.concat([
    header('disk.ovf', descriptor.length),
    descriptor,
    tarPadding(descriptor.length),
    header('disk.mf', manifest.length),
    manifest,
    tarPadding(manifest.length),
    header('disk.vmdk', vmdkBytes),
  ]);
}
