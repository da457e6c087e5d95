import {
  DESCRIPTOR_TYPE,
  PRIMARY,
  ROOT_RECORD_BYTES,
  SECTOR_BYTES,
  STANDARD_ID,
  TEXT_END,
  VOLUME_ID_BYTES,
} from './format.ts';
import { writeBoth16, writeBoth32 } from './number.ts';
import type { IsoPlan } from './plan.ts';
import { encodeRecord } from './record.ts';
import { encodeDescriptorTime, NO_DESCRIPTOR_TIME } from './time.ts';

/** The primary volume descriptor (ECMA-119 8.4). */
export function encodePrimary(plan: IsoPlan): Buffer {
  const { options, directories, pathTableBytes, pathTableL, pathTableM } = plan;
  const sector = Buffer.alloc(SECTOR_BYTES);
  sector.writeUInt8(DESCRIPTOR_TYPE.primary, PRIMARY.type);
  sector.write(STANDARD_ID, PRIMARY.standardId, 'latin1');
  sector.writeUInt8(1, PRIMARY.version);
  sector.fill(' ', PRIMARY.systemId, PRIMARY.volumeId + VOLUME_ID_BYTES);
  sector.write('LINUX', PRIMARY.systemId, 'latin1');
  sector.write(options.volumeId, PRIMARY.volumeId, 'latin1');
  writeBoth32(sector, plan.sizeBytes / SECTOR_BYTES, PRIMARY.volumeSectors);
  writeBoth16(sector, 1, PRIMARY.setSize);
  writeBoth16(sector, 1, PRIMARY.sequence);
  writeBoth16(sector, SECTOR_BYTES, PRIMARY.sectorBytes);
  writeBoth32(sector, pathTableBytes, PRIMARY.pathTableBytes);
  sector.writeUInt32LE(pathTableL.sector, PRIMARY.pathTableL);
  sector.writeUInt32BE(pathTableM.sector, PRIMARY.pathTableM);
  sector.set(rootRecord(directories[0]), PRIMARY.rootRecord);
  sector.fill(' ', PRIMARY.volumeSetId, TEXT_END);
  sector.write('SLIPWAY', PRIMARY.preparer, 'latin1');
  const time = encodeDescriptorTime(options.timeSec);
  sector.set(time, PRIMARY.created);
  sector.set(time, PRIMARY.modified);
  sector.set(NO_DESCRIPTOR_TIME, PRIMARY.expires);
  sector.set(NO_DESCRIPTOR_TIME, PRIMARY.effective);
  sector.writeUInt8(1, PRIMARY.structureVersion);
  return sector;
}

function rootRecord(root: IsoPlan['directories'][number] | undefined): Buffer {
  const shape = { identifier: Buffer.from([0]), lengthBytes: ROOT_RECORD_BYTES, fields: [], areas: [] };
  return encodeRecord(
    shape,
    {
      sector: root?.sector ?? 0,
      sizeBytes: root?.sizeBytes ?? 0,
      timeSec: root?.node.meta.mtimeSec ?? 0,
      isDirectory: true,
      goesOn: false,
    },
    0,
  );
}

/** What stands after the last volume descriptor (8.3). */
export function encodeTerminator(): Buffer {
  const sector = Buffer.alloc(SECTOR_BYTES);
  sector.writeUInt8(DESCRIPTOR_TYPE.terminator, 0);
  sector.write(STANDARD_ID, 1, 'latin1');
  sector.writeUInt8(1, 6);
  return sector;
}
