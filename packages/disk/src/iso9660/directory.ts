import { MOST_EXTENT_BYTES, SECTOR_BYTES } from './format.ts';
import {
  extentsOf,
  type PlannedDirectory,
  type PlannedName,
  pathRecordBytes,
  recordOffsets,
} from './plan-tree.ts';
import { encodeAreas, encodeRecord, type RecordPlace } from './record.ts';

/** All records of a directory as they stand on the medium. */
export function encodeDirectory(directory: PlannedDirectory, areaSector: number): Buffer {
  const bytes = Buffer.alloc(directory.sizeBytes);
  const places = [
    placeOf(directory),
    placeOf(directory.parent ?? directory),
    ...directory.names.flatMap(placesOf),
  ];
  let index = 0;
  for (const [shape, at] of recordOffsets(directory)) {
    const place = places[index];
    if (place !== undefined) bytes.set(encodeRecord(shape, place, areaSector), at);
    index += 1;
  }
  return bytes;
}

function placeOf({ sector, sizeBytes, node }: PlannedDirectory): RecordPlace {
  return { sector, sizeBytes, timeSec: node.meta.mtimeSec, isDirectory: true, goesOn: false };
}

/** A file of 4 GiB or more is described in parts, each in a record of its own (level 3). */
function placesOf({ node, directory, file }: PlannedName): readonly RecordPlace[] {
  if (directory !== undefined) return [placeOf(directory)];
  const common = { timeSec: node.meta.mtimeSec, isDirectory: false };
  if (file === undefined) return [{ ...common, sector: 0, sizeBytes: 0, goesOn: false }];
  const count = extentsOf(file.node.sizeBytes);
  return Array.from({ length: count }, (_, index) => ({
    ...common,
    sector: file.sector + (index * MOST_EXTENT_BYTES) / SECTOR_BYTES,
    sizeBytes: Math.min(MOST_EXTENT_BYTES, file.node.sizeBytes - index * MOST_EXTENT_BYTES),
    goesOn: index < count - 1,
  }));
}

/** The fields that stand outside the records, with their places among such fields. */
export function* allAreas(
  directories: readonly PlannedDirectory[],
  areaSector: number,
): Generator<{ readonly offsetBytes: number; readonly bytes: Buffer }> {
  for (const { own, up, names } of directories) {
    for (const shape of [own, up, ...names.map((name) => name.shape)]) yield* encodeAreas(shape, areaSector);
  }
}

/** The table of all directories, in one of the two byte orders (ECMA-119 9.4). */
export function encodePathTable(directories: readonly PlannedDirectory[], order: 'LE' | 'BE'): Buffer {
  return Buffer.concat(
    directories.map(({ identifier, sector, parent }) => {
      const record = Buffer.alloc(pathRecordBytes(identifier));
      record.writeUInt8(identifier.length, 0);
      record[`writeUInt32${order}`](sector, 2);
      record[`writeUInt16${order}`](parent?.number ?? 1, 6);
      record.write(identifier, 8, 'latin1');
      return record;
    }),
  );
}
