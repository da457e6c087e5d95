import { roundUp } from '@slipway/core';
import { continuation } from './fields.ts';
import { FIELD_BYTES, MOST_RECORD_BYTES, RECORD, RECORD_FLAG, SECTOR_BYTES } from './format.ts';
import { writeBoth16, writeBoth32 } from './number.ts';
import { encodeTime } from './time.ts';

/** Fields that stand elsewhere, for a directory record holds 255 bytes. */
export interface FieldArea {
  readonly fields: readonly Buffer[];
  /** Within the sectors of all such areas. */
  readonly offsetBytes: number;
  /** With the field that leads to the next area. */
  readonly lengthBytes: number;
}

/** A directory record but for the places it names. */
export interface RecordShape {
  readonly identifier: Buffer;
  readonly lengthBytes: number;
  readonly fields: readonly Buffer[];
  readonly areas: readonly FieldArea[];
}

/** Gives out room for fields; an area never crosses the end of a sector, as Linux wants it. */
export class FieldRoom {
  #endBytes = 0;

  get sectors(): number {
    return Math.ceil(this.#endBytes / SECTOR_BYTES);
  }

  place(lengthBytes: number): number {
    const room = roundUp(this.#endBytes, SECTOR_BYTES) - this.#endBytes;
    const at = this.#endBytes + (room < lengthBytes ? room : 0);
    this.#endBytes = at + lengthBytes;
    return at;
  }
}

/** Puts fields into a record, and those that do not fit into areas. */
export function shapeRecord(identifier: Buffer, fields: readonly Buffer[], room: FieldRoom): RecordShape {
  const startBytes = roundUp(RECORD.name + identifier.length, 2);
  const own = fill(fields, MOST_RECORD_BYTES - 1 - startBytes);
  const areas: FieldArea[] = [];
  for (let rest = own.rest; rest.length > 0; ) {
    const { taken, rest: left } = fill(rest, SECTOR_BYTES);
    const lengthBytes = bytesOf(taken) + (left.length > 0 ? FIELD_BYTES.CE : 0);
    areas.push({ fields: taken, offsetBytes: room.place(lengthBytes), lengthBytes });
    rest = left;
  }
  const fieldBytes = bytesOf(own.taken) + (areas.length > 0 ? FIELD_BYTES.CE : 0);
  return { identifier, lengthBytes: roundUp(startBytes + fieldBytes, 2), fields: own.taken, areas };
}

/** As many as fit, with room for the field that says where the rest is. */
function fill(
  fields: readonly Buffer[],
  roomBytes: number,
): { readonly taken: readonly Buffer[]; readonly rest: readonly Buffer[] } {
  if (bytesOf(fields) <= roomBytes) return { taken: fields, rest: [] };
  let count = 0;
  let used = FIELD_BYTES.CE;
  for (const field of fields) {
    if (used + field.length > roomBytes) break;
    used += field.length;
    count += 1;
  }
  return { taken: fields.slice(0, count), rest: fields.slice(count) };
}

function bytesOf(fields: readonly Buffer[]): number {
  return fields.reduce((sum, { length }) => sum + length, 0);
}

/** Where what a record describes is. */
export interface RecordPlace {
  readonly sector: number;
  readonly sizeBytes: number;
  readonly timeSec: number;
  readonly isDirectory: boolean;
  /** The next record goes on with the same file. */
  readonly goesOn: boolean;
}

/** The record itself; `areaSector` is where the areas of fields begin. */
export function encodeRecord(shape: RecordShape, place: RecordPlace, areaSector: number): Buffer {
  const { identifier, lengthBytes, fields, areas } = shape;
  const record = Buffer.alloc(lengthBytes);
  record.writeUInt8(lengthBytes, RECORD.length);
  writeBoth32(record, place.sector, RECORD.extent);
  writeBoth32(record, place.sizeBytes, RECORD.dataBytes);
  record.set(encodeTime(place.timeSec), RECORD.time);
  const flags = (place.isDirectory ? RECORD_FLAG.directory : 0) | (place.goesOn ? RECORD_FLAG.more : 0);
  record.writeUInt8(flags, RECORD.flags);
  writeBoth16(record, 1, RECORD.sequence);
  record.writeUInt8(identifier.length, RECORD.nameBytes);
  record.set(identifier, RECORD.name);
  const all = Buffer.concat([...fields, ...leadTo(areas[0], areaSector)]);
  record.set(all, roundUp(RECORD.name + identifier.length, 2));
  return record;
}

/** The bytes of the areas of a record, each with its place. */
export function encodeAreas(
  { areas }: RecordShape,
  areaSector: number,
): readonly { readonly offsetBytes: number; readonly bytes: Buffer }[] {
  return areas.map(({ fields, offsetBytes }, index) => ({
    offsetBytes,
    bytes: Buffer.concat([...fields, ...leadTo(areas[index + 1], areaSector)]),
  }));
}

function leadTo(area: FieldArea | undefined, areaSector: number): readonly Buffer[] {
  if (area === undefined) return [];
  const { offsetBytes, lengthBytes } = area;
  const sector = areaSector + Math.floor(offsetBytes / SECTOR_BYTES);
  return [continuation(sector, offsetBytes % SECTOR_BYTES, lengthBytes)];
}
