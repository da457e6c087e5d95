import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { LayeredTree, parseDump, readErofsContents, readImagePolicy, writeErofs } from '@slipway/composefs';
import { makeTempDir } from '@slipway/core';
import {
  bytesSource,
  type DiskDirectory,
  type DiskSource,
  type OpenDiskSource,
  openQcow2Source,
  openVhdSource,
  openVhdxSource,
  openVmdkSource,
  readExt4,
  readFat,
  readGpt,
  readIso,
} from '@slipway/disk';
import { readTar } from '@slipway/oci';
import type { Random } from '../../packages/composefs/src/testing/random-dump.ts';
import { FLEET_TARGETS } from './fleet-targets.ts';
import { mutateBytes, mutateText } from './mutate.ts';
import type { FuzzTarget } from './target.ts';

/** Of all files of a disk together, so many bytes are read. */
const CONTENT_BYTES = 8 * 1024 * 1024;
/** Of a disk, however large it says it is. */
const DISK_READS = 32;
const DISK_READ_BYTES = 64 * 1024;

/** Disks are kept in the corpus without the zeros at their end. */
const DISK_BYTES = 48 * 1024 * 1024;

/** Every hostile reader that has a corpus. */
export const FUZZ_TARGETS: readonly FuzzTarget[] = [
  { name: 'erofs', mutate: mutateBytes, read: readImage },
  { name: 'dump', mutate: mutateText, read: readDumpText },
  { name: 'tar', mutate: mutateArchive, read: readArchive },
  { name: 'file-contexts', mutate: mutateText, read: readPolicy },
  { name: 'gpt', mutate: mutateTable, read: async (bytes) => void (await readGpt(bytesSource(bytes))) },
  {
    name: 'fat',
    mutate: mutateBytes,
    read: async (bytes) => readFiles((await readFat(withZeros(bytes))).root),
  },
  {
    name: 'ext4',
    mutate: mutateBytes,
    read: async (bytes) => readFiles((await readExt4(withZeros(bytes))).root),
  },
  {
    name: 'iso9660',
    mutate: mutateBytes,
    read: async (bytes) => readFiles((await readIso(withZeros(bytes))).root),
  },
  { name: 'qcow2', mutate: mutateBytes, read: diskReader(openQcow2Source) },
  { name: 'vmdk', mutate: mutateBytes, read: diskReader(openVmdkSource) },
  { name: 'vhd', mutate: mutateBytes, read: diskReader(openVhdSource) },
  { name: 'vhdx', mutate: mutateBytes, read: diskReader(openVhdxSource) },
  ...FLEET_TARGETS,
];

/** What was read must also be writable, and then read the same. */
async function readImage(bytes: Buffer): Promise<void> {
  const { root, facts, formatVersion } = readErofsContents(bytes);
  const again = writeErofs(root, { facts, minVersion: formatVersion, maxVersion: formatVersion });
  const twice = readErofsContents(again);
  const same = writeErofs(twice.root, {
    facts: twice.facts,
    minVersion: formatVersion,
    maxVersion: formatVersion,
  }).equals(again);
  if (!same) throw new Error('an image that was read and written is not read as what was written');
}

async function readDumpText(bytes: Buffer): Promise<void> {
  const { root, facts } = parseDump(bytes);
  const image = writeErofs(root, { facts });
  readErofsContents(image);
}

async function readArchive(bytes: Buffer): Promise<void> {
  const tree = new LayeredTree();
  tree.beginLayer('layer');
  for await (const { body, ...header } of readTar(inPieces(bytes))) {
    let sizeBytes = 0;
    for await (const piece of body) {
      sizeBytes += piece.length;
      if (sizeBytes > CONTENT_BYTES) return;
    }
    const content =
      header.kind === 'file' ? { kind: 'object' as const, sizeBytes, digest: DIGEST } : undefined;
    tree.apply({ header, content });
  }
  writeErofs(tree.finish());
}

const DIGEST = Buffer.alloc(32, 1);

async function readPolicy(bytes: Buffer): Promise<void> {
  const text = bytes.toString('latin1');
  const tree = parseDump(Buffer.from(policyDump('tiny', text), 'latin1')).root;
  const labels = await readImagePolicy(tree, async function* ({ content }) {
    yield content.kind === 'inline' ? content.bytes : bytes;
  });
  for (const path of ['/', '/etc/passwd', '/usr/lib/a/b.so.1', `/${'a'.repeat(3000)}`, '/\xff\n/x']) {
    labels?.labelOf(path, 'regular');
    labels?.labelOf(path, 'directory');
  }
}

function policyDump(type: string, text: string): string {
  const config = `SELINUXTYPE=${type}\\n`;
  const directories = ['/etc', '/etc/selinux', `/etc/selinux/${type}`];
  directories.push(`/etc/selinux/${type}/contexts`, `/etc/selinux/${type}/contexts/files`);
  return [
    '/ 0 40755 2 0 0 0 1.0 - - -',
    ...directories.map((path) => `${path} 0 40755 2 0 0 0 1.0 - - -`),
    `/etc/selinux/config ${config.length - 1} 100644 1 0 0 0 1.0 - ${config} -`,
    `${directories.at(-1)}/file_contexts ${text.length + 1} 100644 1 0 0 0 1.0 - - ${'ab'.repeat(32)}`,
  ].join('\n');
}

/** Of a disk in a container: some of it from the front, some all over. */
function diskReader(open: (path: string) => Promise<OpenDiskSource>): FuzzTarget['read'] {
  return async (bytes) => {
    await using dir = await makeTempDir('fuzz');
    const path = join(dir.path, 'disk');
    writeFileSync(path, bytes);
    await using source = await open(path);
    rmSync(path);
    for (let count = 0, at = 0; count < DISK_READS && at < source.sizeBytes; count += 1) {
      await source.read(at, Math.min(DISK_READ_BYTES, source.sizeBytes - at));
      at += count < DISK_READS / 2 ? DISK_READ_BYTES : Math.ceil(source.sizeBytes / DISK_READS / 512) * 512;
    }
  };
}

async function readFiles(root: DiskDirectory): Promise<void> {
  const pending: DiskDirectory[] = [root];
  let readBytes = 0;
  for (let directory = pending.pop(); directory !== undefined; directory = pending.pop()) {
    for (const node of directory.entries.values()) {
      if (node.kind === 'directory') pending.push(node);
      if (node.kind !== 'file') continue;
      for await (const piece of node.open()) {
        readBytes += piece.length;
        if (readBytes > CONTENT_BYTES) return;
      }
    }
  }
}

/** A disk that goes on with zeros where the input ends. */
function withZeros(bytes: Buffer): DiskSource {
  const beginning = bytesSource(bytes);
  return {
    sizeBytes: DISK_BYTES,
    async read(offset, lengthBytes) {
      if (offset + lengthBytes <= bytes.length || offset + lengthBytes > DISK_BYTES) {
        return await beginning.read(offset, lengthBytes);
      }
      const whole = Buffer.alloc(lengthBytes);
      if (offset < bytes.length) bytes.copy(whole, 0, offset);
      return whole;
    },
  };
}

/** Pieces that do not end where anything in them does. */
async function* inPieces(bytes: Buffer): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 777) yield bytes.subarray(at, at + 777);
}

/** Without a right checksum no header is looked at. */
function mutateArchive(original: Uint8Array, random: Random): Buffer {
  const bytes = mutateBytes(original, random);
  for (let at = 0; at + 512 <= bytes.length; at += 512) {
    const block = bytes.subarray(at, at + 512);
    if (block.toString('latin1', 257, 262) !== 'ustar' || !random.chance(95)) continue;
    block.fill(' ', 148, 156);
    const sum = block.reduce((total, byte) => total + byte, 0);
    block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  }
  return bytes;
}

/** The same for the two headers of a partition table. */
function mutateTable(original: Uint8Array, random: Random): Buffer {
  const bytes = mutateBytes(original, random);
  for (const at of [512, bytes.length - 512]) {
    if (at < 512 || at + 512 > bytes.length || !random.chance(95)) continue;
    const header = bytes.subarray(at, at + 512);
    const entriesAt = Number(header.readBigUInt64LE(72)) * 512;
    const entries = bytes.subarray(entriesAt, entriesAt + header.readUInt32LE(80) * header.readUInt32LE(84));
    header.writeUInt32LE(crc32(entries), 88);
    header.writeUInt32LE(0, 16);
    header.writeUInt32LE(crc32(header.subarray(0, Math.min(512, header.readUInt32LE(12)))), 16);
  }
  return bytes;
}
