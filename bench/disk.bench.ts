/**
 * From an OCI layout to a bootable disk, against the classic chain of tools, in the same run on the same image.
 *
 *     node bench/disk.bench.ts [oci:DIR:TAG]
 *
 * The chain gives a file system with the objects of the image; ours is a whole disk that boots, its files sealed. Nothing is removed
 * before the end: ext4 is slow to use again what was removed a moment ago. It takes some 30 GB in the temporary directory.
 */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { makeLargeTempDir, run } from '@slipway/core';
import { prepareReference, referenceCommand } from '../tests/harness/reference-composefs.ts';
import { slipway } from '../tests/harness/slipway.ts';
import { compare, type Timing, timeHere, timeProgram, timeScript, together } from './compare.ts';
import { debianImage, TAG } from './debian-image.ts';
import { freshPlaces } from './fresh-places.ts';
import { boundRow, bytesRow, printRows, type Row } from './rows.ts';

const ROUNDS = 2;
const GIB = 1024 ** 3;
/** As large as a cloud gives the smallest machine. */
const DISK_BYTES = 10 * GIB;
const LARGE_DISK_BYTES = 2048 * GIB;
/** Whatever the image and the disk. */
const MEMORY_GOAL_BYTES = 350_000_000;
const CACHED_GOAL_MS = 1000;

await prepareReference();
const image = process.argv[2] ?? `oci:${await debianImage()}:${TAG}`;
await using dir = await makeLargeTempDir('bench-disk');

const place = freshPlaces(dir.path);

/** What it took, and where the disk is. */
interface Chain {
  readonly timing: Timing;
  readonly disk: string;
}

async function classicChain(): Promise<Chain> {
  const at = await place();
  const [bundle, store, disk] = [join(at, 'bundle'), join(at, 'store'), join(at, 'disk.raw')];
  const unpack = await timeProgram(['umoci', 'unpack', '--image', image.replace(/^oci:/, ''), bundle]);
  const objects = referenceCommand('mkcomposefs', [
    `--digest-store=${store}`,
    join(bundle, 'rootfs'),
    join(at, 'image'),
  ]);
  const stored = await timeProgram(objects);
  const size = `${DISK_BYTES / 1024}k`;
  const made = await timeProgram(['mkfs.ext4', '-q', '-O', 'verity', '-d', store, disk, size]);
  return { timing: together(unpack, stored, made), disk };
}

async function chainToQcow2(): Promise<Timing> {
  const { timing, disk } = await classicChain();
  const packed = await timeProgram(['qemu-img', 'convert', '-c', '-O', 'qcow2', disk, `${disk}.qcow2`]);
  return together(timing, packed);
}

async function ours(type: 'raw' | 'qcow2', diskBytes = DISK_BYTES): Promise<Timing> {
  return await timeScript('disk-once.ts', [image, type, await place(), String(diskBytes)]);
}

process.stdout.write('disk: an OCI layout to a bootable disk\n');
await compare([
  {
    step: 'layout to raw disk',
    peer: 'umoci unpack + mkcomposefs + mkfs.ext4 -d',
    theirs: async () => (await classicChain()).timing,
    ours: () => ours('raw'),
    rounds: ROUNDS,
    goal: 0.25,
  },
  {
    step: 'the same',
    peer: 'unavoidable work alone',
    theirs: async () => timeScript('unavoidable.ts', [image, join(await place(), 'bytes')]),
    ours: () => ours('raw'),
    rounds: ROUNDS + 1,
    goal: 1.5,
  },
  {
    step: 'layout to qcow2, zstd',
    peer: 'the chain + qemu-img convert -c',
    theirs: chainToQcow2,
    ours: () => ours('qcow2'),
    rounds: 1,
    goal: 0.2,
  },
]);
printRows([await qcow2Size(), await memory(), await cached()]);

/** Of the same disk, packed by us and by qemu-img. */
async function qcow2Size(): Promise<Row> {
  const at = await place();
  await timeScript('disk-once.ts', [image, 'raw,qcow2', at, String(DISK_BYTES)]);
  const out = (name: string): string => join(at, 'out', name);
  const zstd = ['convert', '-c', '-O', 'qcow2', '-o', 'compression_type=zstd'];
  await run(['qemu-img', ...zstd, out('disk.raw'), out('other.qcow2')], {
    describe: 'pack the disk with qemu-img',
  });
  const [theirs, own] = [await stat(out('other.qcow2')), await stat(out('disk.qcow2'))];
  return bytesRow(
    { step: 'size of the qcow2', peer: 'qemu-img convert -c, zstd', goal: 1 },
    theirs.size,
    own.size,
  );
}

/** A disk is written in one pass whose memory does not depend on its size. */
async function memory(): Promise<Row> {
  const { peakBytes = 0 } = await ours('qcow2', LARGE_DISK_BYTES);
  const row = { step: 'memory, a qcow2 of 2 TiB', peer: 'the bound', goal: 1 };
  return bytesRow(row, MEMORY_GOAL_BYTES, peakBytes);
}

/** As a person asks, with the start of the command and the checksums it gives. */
async function cached(): Promise<Row> {
  const at = await place();
  const ask = ['image', image, '--type', 'qcow2', '-o', join(at, 'out'), '--cache', join(at, 'cache')];
  await slipway(ask);
  const { wallMs } = await timeHere(() => slipway(ask));
  return boundRow('the same disk asked for again', wallMs, CACHED_GOAL_MS);
}
