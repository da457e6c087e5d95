/** Writes the corpus of small valid inputs the fuzzers start from; what fuzzing found stands beside them and stays. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { gzipSync } from 'node:zlib';
import { parseDump, writeErofs } from '@slipway/composefs';
import { makeTempDir } from '@slipway/core';
import {
  type DiskWriter,
  deriveUuid,
  layoutGpt,
  openQcow2Target,
  openRawTarget,
  PARTITION_TYPES,
  planExt4,
  planFat,
  writeExt4,
  writeFat,
  writeGptDisk,
} from '@slipway/disk';
import { writeTar } from '@slipway/oci';
import { file, link, member } from '../../packages/composefs/src/import/testing.ts';
import { GOLDEN_DUMPS } from '../../packages/composefs/src/testing/golden-dumps.ts';
import { randomDump } from '../../packages/composefs/src/testing/random-dump.ts';
import { directoryOf, fileOf, patternBytes } from '../../packages/disk/src/testing/trees.ts';

const CORPUS = resolve(import.meta.dirname, '../../tests/corpus');
const MIB = 1024 * 1024;
const TIME = 1_700_000_000;

async function main(): Promise<void> {
  await using dir = await makeTempDir('corpus');
  const raw = async (sizeBytes: number, write: (target: DiskWriter) => Promise<void>): Promise<Buffer> => {
    const path = join(dir.path, 'disk');
    await using target = await openRawTarget(path, sizeBytes);
    await write(target);
    await target.finish();
    return await readFile(path);
  };
  await keepDumps();
  await keep('tar', 'mixed.tar', await wholeOf(writeTar(archive())));
  await keep('file-contexts', 'mixed', Buffer.from(POLICY));
  const tree = directoryOf({
    small: fileOf('small'),
    large: fileOf(patternBytes(150_000), { verity: 'sha256' }),
    sub: directoryOf(
      Object.fromEntries(Array.from({ length: 120 }, (_, n) => [`name-${n}`, fileOf(`${n}`)])),
    ),
    link: { kind: 'symlink', meta: fileOf('').meta, target: 'small' },
  });
  const ext4 = planExt4(tree, {
    uuid: deriveUuid('corpus', 'ext4'),
    timeSec: TIME,
    sizeBytes: 4 * MIB,
    journalBytes: 0,
  });
  await keep(
    'ext4',
    'tree.img',
    withoutZeros(await raw(ext4.sizeBytes, (target) => writeExt4(target, ext4))),
  );
  const plain = directoryOf({
    EFI: directoryOf({ 'a long name.conf': fileOf('entry'), BOOT: directoryOf({}) }),
    f: fileOf(patternBytes(20_000)),
  });
  for (const bits of [12, 16, 32] as const) {
    const fat = planFat(plain, { uuid: deriveUuid('corpus', 'fat'), timeSec: TIME, bits });
    await keep(
      'fat',
      `fat${bits}.img`,
      withoutZeros(await raw(fat.sizeBytes, (target) => writeFat(target, fat))),
    );
  }
  const layout = layoutGpt({
    sizeBytes: 4 * MIB,
    diskUuid: deriveUuid('corpus', 'disk'),
    partitions: [{ type: PARTITION_TYPES.rootX64, uuid: deriveUuid('corpus', 'root'), label: 'root' }],
  });
  await keep(
    'gpt',
    'one.img',
    await raw(layout.sizeBytes, (target) => writeGptDisk(target, layout, { partitions: new Map() })),
  );
  for (const compression of ['zlib', 'zstd', 'none'] as const) {
    const path = join(dir.path, compression);
    await using target = await openQcow2Target(path, 2 * MIB, { compression });
    await target.write(0, Buffer.alloc(MIB, 'compresses well '));
    await target.write(MIB + 65_536, patternBytes(10_000));
    await target.finish();
    await keep('qcow2', compression, await readFile(path));
  }
}

async function keepDumps(): Promise<void> {
  const dumps = [
    ...GOLDEN_DUMPS.filter(({ bytes }) => bytes.length < 20_000),
    ...[11, 12, 13, 14].map((seed) => ({
      name: `random-${seed}.dump`,
      bytes: Buffer.from(randomDump(seed), 'latin1'),
    })),
  ];
  for (const { name, bytes } of dumps) {
    const { root, facts } = parseDump(bytes);
    await keep('dump', name, bytes);
    await keep('erofs', name.replace('.dump', '.img'), writeErofs(root, { facts }));
  }
}

function archive(): readonly ReturnType<typeof member>[] {
  const xattrs = new Map([['user.note', Buffer.from('a note\0\xff', 'latin1')]]);
  return [
    member('usr/'),
    file('usr/a', 'content'),
    file(`usr/${'long'.repeat(50)}`, 'x'.repeat(3000), { xattrs, mtimeNsec: 5 }),
    link('usr/b', 'usr/a', 'hardlink'),
    link('bin', 'usr'),
    file('usr/.wh.gone', ''),
    file('usr/large-id', 'y', { uid: 4_000_000_000 }),
  ];
}

const POLICY = `# What policies look like
/.*	system_u:object_r:default_t:s0
/usr(/.*)?	system_u:object_r:usr_t:s0
/usr/lib(/.*)?/[^/]+\\.so(\\.[^/]*)*	--	system_u:object_r:lib_t:s0
/etc/passwd[-\\+]?	--	system_u:object_r:passwd_t:s0
/dev/(misc/)?[a-z0-9_]{1,3}	-c	system_u:object_r:device_t:s0
/proc	-d	<<none>>
`;

/** A disk without the zeros at its end, but with whole blocks. */
function withoutZeros(bytes: Buffer): Buffer {
  let end = bytes.length;
  while (end > 0 && bytes[end - 1] === 0) end -= 1;
  return bytes.subarray(0, Math.ceil(end / 4096) * 4096);
}

async function wholeOf(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of stream) pieces.push(piece);
  return Buffer.concat(pieces);
}

async function keep(target: string, name: string, bytes: Buffer): Promise<void> {
  const directory = join(CORPUS, target);
  await mkdir(directory, { recursive: true });
  const packed = gzipSync(bytes, { level: 9 });
  if (packed.length * 2 < bytes.length) await writeFile(join(directory, `${name}.gz`), packed);
  else await writeFile(join(directory, name), bytes);
}

await main();
