import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeTempDir, run } from '@slipway/core';
import { describe, expect, test } from 'vitest';
import { assembleGrubCore, type ReadGrubFile } from './core-image.ts';
import { DECOMPRESSOR, GRUB_SECTOR_BYTES } from './format.ts';
import { kernelMemory } from './kernel-elf.ts';
import { loadOrder, parseModuleDependencies } from './module-dependencies.ts';
import { grubMedium, placeGrub } from './placement.ts';

const DIRECTORY = '/usr/lib/grub/i386-pc';
const read: ReadGrubFile = (name) => readFile(join(DIRECTORY, name));
const MODULES = [
  'biosdisk',
  'part_gpt',
  'fat',
  'normal',
  'linux',
  'loadenv',
  'test',
  'echo',
  'probe',
  'serial',
];
const PREFIX = '(,gpt1)/grub';

/** What grub-mkimage makes of the same. */
async function reference(
  format: string,
  modules: readonly string[],
  prefix: string,
  config?: string,
): Promise<Buffer> {
  await using directory = await makeTempDir('grub');
  const output = join(directory.path, 'core.img');
  const more = config === undefined ? [] : ['--config', await early(directory.path, config)];
  await run(
    ['grub-mkimage', '-O', format, '-d', DIRECTORY, '-p', prefix, '-o', output, ...more, ...modules],
    {
      describe: 'make a core image',
      debianPackage: 'grub-common',
    },
  );
  return readFile(output);
}

async function early(directory: string, config: string): Promise<string> {
  const path = join(directory, 'early.cfg');
  await writeFile(path, config);
  return path;
}

/** The kernel and its modules in a core image: its own parameters say how much there is. */
async function unpacked(core: Buffer): Promise<Buffer> {
  const loaded = core.subarray(GRUB_SECTOR_BYTES);
  const packedBytes = loaded.readUInt32LE(DECOMPRESSOR.packedBytes);
  const decompressorBytes = (await read('lzma_decompress.img')).length;
  expect(loaded.length).toBe(decompressorBytes + packedBytes);
  const header = Buffer.alloc(13);
  header.writeUInt8(0x5d, 0);
  header.writeUInt32LE(1 << 24, 1);
  header.writeBigUInt64LE(BigInt(loaded.readUInt32LE(DECOMPRESSOR.unpackedBytes)), 5);
  const { stdout } = await run(['xz', '--format=lzma', '--decompress', '--stdout'], {
    describe: 'unpack',
    debianPackage: 'xz-utils',
    input: Buffer.concat([header, loaded.subarray(decompressorBytes)]),
  });
  return stdout;
}

describe('a core image', () => {
  test.each([
    ['for a disk', MODULES, undefined],
    [
      'with commands of its own',
      ['biosdisk', 'iso9660', 'normal'],
      'set root=(cd)\nset prefix=(cd)/boot/grub\n',
    ],
  ])('unpacks to what grub-mkimage has: %s', async (_, modules, config) => {
    const ours = await assembleGrubCore(read, {
      modules,
      prefix: PREFIX,
      ...(config === undefined ? {} : { config }),
    });
    const theirs = await reference('i386-pc', modules, PREFIX, config);
    expect((await unpacked(ours)).equals(await unpacked(theirs))).toBe(true);
    // The first sector differs in how many there are, because we pack a little less.
    expect(ours.subarray(0, 508).equals(theirs.subarray(0, 508))).toBe(true);
    expect(ours.readUInt16LE(508)).toBe(Math.ceil((ours.length - GRUB_SECTOR_BYTES) / GRUB_SECTOR_BYTES));
    expect(ours.length).toBeLessThan(theirs.length * 1.1);
    // The decompressor, but for the two sizes.
    const [code, other] = [ours, theirs].map((core) =>
      core.subarray(GRUB_SECTOR_BYTES + 16, GRUB_SECTOR_BYTES + 2048),
    );
    expect(code).toEqual(other);
  });

  test('is the same every time', async () => {
    const [one, other] = [
      await assembleGrubCore(read, { modules: MODULES, prefix: PREFIX }),
      await assembleGrubCore(read, { modules: MODULES, prefix: PREFIX }),
    ];
    expect(one.equals(other)).toBe(true);
  });

  test('behind the boot code of a CD is laid out as grub-mkimage does', async () => {
    const modules = ['biosdisk', 'iso9660', 'normal'];
    const core = await assembleGrubCore(read, { modules, prefix: '/boot/grub' });
    const medium = grubMedium(await read('boot.img'), await read('cdboot.img'), core);
    const ours = medium.image;
    const theirs = await reference('i386-pc-eltorito', modules, '/boot/grub');
    expect(ours.subarray(0, 2048 + 508).equals(theirs.subarray(0, 2048 + 508))).toBe(true);
    // From a USB stick: boot code names the core behind cdboot.img, and the core its rest.
    expect(medium.bootCode(2048 * 30).readBigUInt64LE(0x5c)).toBe(BigInt(4 * 30 + 4));
    expect(medium.placed(2048 * 30).readBigUInt64LE(2048 + 500)).toBe(BigInt(4 * 30 + 5));
    expect(medium.placed(2048 * 30).length).toBe(ours.length);
  });
});

describe('placing it', () => {
  test('boot code names the core, the core names its rest', async () => {
    const core = await assembleGrubCore(read, { modules: MODULES, prefix: PREFIX });
    const placed = placeGrub(await read('boot.img'), core, { firstSector: 4096, sizeBytes: 1 << 20 });
    expect(placed.bootCode.length).toBe(440);
    expect(placed.bootCode.readBigUInt64LE(0x5c)).toBe(4096n);
    expect(placed.bootCode.readUInt8(0x64)).toBe(0xff);
    expect(placed.bootCode.readUInt16LE(0x66)).toBe(0x9090);
    expect(placed.core.readBigUInt64LE(500)).toBe(4097n);
    expect(placed.core.subarray(512).equals(core.subarray(512))).toBe(true);
  });

  test('refuses what does not fit', async () => {
    const boot = await read('boot.img');
    const place = { firstSector: 4096, sizeBytes: 1024 };
    expect(() => placeGrub(boot, Buffer.alloc(2048), place)).toThrow(/1024/);
    expect(() => placeGrub(Buffer.alloc(100), Buffer.alloc(512), place)).toThrow(/boot\.img/);
  });
});

describe('files that are none of GRUB', () => {
  test('are refused', async () => {
    const kernel = await read('kernel.img');
    expect(() => kernelMemory(Buffer.alloc(0))).toThrow(/0 bytes/);
    expect(() => kernelMemory(Buffer.alloc(100))).toThrow(/ELF/);
    expect(() => kernelMemory(kernel.subarray(0, kernel.length - 100))).toThrow(/damaged/);
    for (const name of ['diskboot.img', 'lzma_decompress.img']) {
      const damaged: ReadGrubFile = async (wanted) => (wanted === name ? Buffer.alloc(10) : read(wanted));
      await expect(assembleGrubCore(damaged, { modules: ['fat'], prefix: '/' })).rejects.toThrow(name);
    }
  });

  test('never make the reader of kernels crash', async () => {
    const kernel = await read('kernel.img');
    for (let at = 0; at < 2000; at++) {
      const damaged = Buffer.from(kernel);
      const place = at % 2 === 0 ? (at * 7) % 64 : kernel.length - 1 - ((at * 13) % 300);
      damaged.writeUInt8((at * 31) & 0xff, place);
      try {
        kernelMemory(damaged);
      } catch (thrown) {
        expect(thrown).toMatchObject({ code: 'GRUB_INVALID' });
      }
    }
  });
});

describe('the order of modules', () => {
  test('is needs first, from the last to the first', () => {
    const dependencies = parseModuleDependencies('a: b c\nb: d\nc: d\nd:\n');
    expect(loadOrder(dependencies, ['a'])).toEqual(['d', 'c', 'b', 'a']);
    expect(loadOrder(dependencies, ['d', 'a', 'd'])).toEqual(['d', 'c', 'b', 'a']);
  });

  test('refuses circles, unknown modules and paths', () => {
    expect(() => loadOrder(parseModuleDependencies('a: b\nb: a\n'), ['a'])).toThrow(/a needs itself/);
    expect(() => loadOrder(parseModuleDependencies('a:\n'), ['b'])).toThrow(/no module b/);
    expect(() => parseModuleDependencies('a: ../b\n')).toThrow(/is no module/);
  });
});
