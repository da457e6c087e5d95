import {
  ATTRIBUTE,
  DIRENT,
  DIRENT_BYTES,
  LONG_NAME,
  LONG_NAME_AT,
  LONG_NAME_LAST,
  LONG_NAME_UNITS,
} from './format.ts';
import { shortNameChecksum } from './names.ts';
import type { FatPlan, FatPlanned, FatPlannedDirectory } from './plan.ts';

/** All entries of a directory as they stand on the disk, without the zeros after the last. */
export function encodeDirectory(plan: FatPlan, directory: FatPlannedDirectory): Buffer {
  const entries: Buffer[] = [];
  if (directory === plan.root) {
    if (plan.label !== undefined) {
      entries.push(encodeEntry(plan.label, { attributes: ATTRIBUTE.volumeLabel, timeSec: plan.timeSec }));
    }
  } else {
    const timeSec = directory.node.meta.mtimeSec;
    const attributes = ATTRIBUTE.directory;
    entries.push(encodeEntry('.          ', { attributes, timeSec, cluster: directory.firstCluster }));
    entries.push(encodeEntry('..         ', { attributes, timeSec, cluster: directory.parentCluster }));
  }
  for (const child of directory.children) entries.push(...encodeLongName(child), encodeChild(child));
  return Buffer.concat(entries);
}

function encodeChild(child: FatPlanned): Buffer {
  return encodeEntry(child.name.short, {
    attributes: child.kind === 'directory' ? ATTRIBUTE.directory : ATTRIBUTE.archive,
    timeSec: child.node.meta.mtimeSec,
    cluster: child.firstCluster,
    sizeBytes: child.kind === 'file' ? child.node.sizeBytes : 0,
  });
}

interface EntryFields {
  readonly attributes: number;
  readonly timeSec: number;
  readonly cluster?: number;
  readonly sizeBytes?: number;
}

function encodeEntry(
  short: string,
  { attributes, timeSec, cluster = 0, sizeBytes = 0 }: EntryFields,
): Buffer {
  const entry = Buffer.alloc(DIRENT_BYTES);
  const { date, time } = fatTime(timeSec);
  entry.write(short, DIRENT.name, 'latin1');
  entry.writeUInt8(attributes, DIRENT.attributes);
  entry.writeUInt16LE(time, DIRENT.createdTime);
  entry.writeUInt16LE(date, DIRENT.createdDate);
  entry.writeUInt16LE(date, DIRENT.accessedDate);
  entry.writeUInt16LE(cluster >>> 16, DIRENT.clusterHigh);
  entry.writeUInt16LE(time, DIRENT.modifiedTime);
  entry.writeUInt16LE(date, DIRENT.modifiedDate);
  entry.writeUInt16LE(cluster & 0xffff, DIRENT.clusterLow);
  entry.writeUInt32LE(sizeBytes, DIRENT.sizeBytes);
  return entry;
}

/** The parts of a long name stand before the short entry, last part first. */
function encodeLongName({ name }: FatPlanned): Buffer[] {
  if (name.long === undefined) return [];
  const checksum = shortNameChecksum(name.short);
  const parts = Math.ceil(name.long.length / LONG_NAME_UNITS);
  const entries: Buffer[] = [];
  for (let part = parts; part >= 1; part -= 1) {
    const entry = Buffer.alloc(DIRENT_BYTES);
    entry.writeUInt8(part | (part === parts ? LONG_NAME_LAST : 0), LONG_NAME.order);
    entry.writeUInt8(ATTRIBUTE.longName, LONG_NAME.attributes);
    entry.writeUInt8(checksum, LONG_NAME.checksum);
    for (const [index, at] of LONG_NAME_AT.entries()) {
      const position = (part - 1) * LONG_NAME_UNITS + index;
      // The name ends with a zero where there is room for one, then with ones.
      const unit = position < name.long.length ? name.long.charCodeAt(position) : 0xffff;
      entry.writeUInt16LE(position === name.long.length ? 0 : unit, at);
    }
    entries.push(entry);
  }
  return entries;
}

/** Time of day and date in UTC, in steps of two seconds between 1980 and 2107. */
export function fatTime(timeSec: number): { readonly date: number; readonly time: number } {
  const clamped = Math.min(
    Math.max(timeSec, Date.UTC(1980, 0, 1) / 1000),
    Date.UTC(2107, 11, 31, 23, 59, 58) / 1000,
  );
  const at = new Date(clamped * 1000);
  return {
    date: ((at.getUTCFullYear() - 1980) << 9) | ((at.getUTCMonth() + 1) << 5) | at.getUTCDate(),
    time: (at.getUTCHours() << 11) | (at.getUTCMinutes() << 5) | (at.getUTCSeconds() >> 1),
  };
}
