/** Assembles GRUB for BIOS out of its parts, as grub-mkimage does for i386-pc: kernel and modules packed behind their decompressor. */
import { roundUp, SlipwayError } from '@slipway/core';
import { encodeLzma } from '../lzma/encoder.ts';
import {
  BLOCK_LIST,
  CORE_SEGMENT,
  DECOMPRESSOR,
  DECOMPRESSOR_MOST_BYTES,
  GRUB_SECTOR_BYTES,
  KERNEL_ADDRESS,
  LOW_MEMORY_END,
  MODULE_HEADER,
  MODULE_INFO,
  MODULE_MAGIC,
  OBJECT_ALIGNMENT,
  OBJECT_TYPES,
  UNPACKED_MOST_BYTES,
} from './format.ts';
import { kernelMemory } from './kernel-elf.ts';
import { loadOrder, parseModuleDependencies } from './module-dependencies.ts';

/**
 * Reads a file of GRUB's module directory (`/usr/lib/grub/i386-pc`) by its name.
 *
 * @throws SlipwayError when it is not there
 */
export type ReadGrubFile = (name: string) => Promise<Uint8Array>;

/** What a core image is to do. */
export interface GrubCore {
  /** Modules in it; what they need comes along. */
  readonly modules: readonly string[];
  /** The directory with `grub.cfg`: `(,gpt1)/grub` is on the first partition of the disk it was booted from. */
  readonly prefix: string;
  /** Commands to run before `grub.cfg`, one on a line. */
  readonly config?: string;
}

/**
 * A core image as it lies on a disk, at {@link placeGrub} to be placed. The same files give the same bytes.
 *
 * @throws SlipwayError GRUB_INVALID when the files are not those of GRUB for BIOS, or more than fits
 */
export async function assembleGrubCore(read: ReadGrubFile, core: GrubCore): Promise<Buffer> {
  const dependencies = parseModuleDependencies(Buffer.from(await read('moddep.lst')).toString('latin1'));
  const kernel = kernelMemory(await read('kernel.img'));
  const objects: Buffer[] = [];
  for (const name of loadOrder(dependencies, core.modules)) {
    objects.push(encodeObject(OBJECT_TYPES.module, await read(`${name}.mod`)));
  }
  if (core.config !== undefined) objects.push(encodeObject(OBJECT_TYPES.config, terminated(core.config)));
  objects.push(encodeObject(OBJECT_TYPES.prefix, terminated(core.prefix)));
  const unpacked = Buffer.concat([kernel, encodeModules(objects)]);
  if (unpacked.length > UNPACKED_MOST_BYTES)
    throw invalid(`${unpacked.length} bytes of modules are too many`);
  const loaded = withDecompressor(await read('lzma_decompress.img'), unpacked);
  return Buffer.concat([withBlockList(await read('diskboot.img'), loaded.length), loaded]);
}

/** How the information on modules stands behind the kernel. */
function encodeModules(objects: readonly Buffer[]): Buffer {
  const body = Buffer.concat(objects);
  const info = Buffer.alloc(MODULE_INFO.bytes);
  info.writeUInt32LE(MODULE_MAGIC, MODULE_INFO.magic);
  info.writeUInt32LE(MODULE_INFO.bytes, MODULE_INFO.offset);
  info.writeUInt32LE(MODULE_INFO.bytes + body.length, MODULE_INFO.size);
  return Buffer.concat([info, body]);
}

function encodeObject(type: number, content: Uint8Array): Buffer {
  const object = Buffer.alloc(MODULE_HEADER.bytes + roundUp(content.length, OBJECT_ALIGNMENT));
  object.writeUInt32LE(type, MODULE_HEADER.type);
  object.writeUInt32LE(object.length, MODULE_HEADER.size);
  object.set(content, MODULE_HEADER.bytes);
  return object;
}

function terminated(text: string): Buffer {
  if (text.includes('\0')) throw invalid('a text holds NUL');
  return Buffer.from(`${text}\0`);
}

function withDecompressor(file: Uint8Array, unpacked: Buffer): Buffer {
  const decompressor = Buffer.from(file);
  if (decompressor.length < 32 || decompressor.length > DECOMPRESSOR_MOST_BYTES) {
    throw invalid(`lzma_decompress.img has ${decompressor.length} bytes`);
  }
  const packed = encodeLzma(unpacked);
  decompressor.writeUInt32LE(packed.length, DECOMPRESSOR.packedBytes);
  decompressor.writeUInt32LE(unpacked.length, DECOMPRESSOR.unpackedBytes);
  const loaded = Buffer.concat([decompressor, packed]);
  const endsAt = KERNEL_ADDRESS + loaded.length;
  if (endsAt > LOW_MEMORY_END)
    throw invalid(`it would reach to ${endsAt.toString(16)} in memory: too many modules`);
  return loaded;
}

function withBlockList(file: Uint8Array, loadedBytes: number): Buffer {
  const sector = Buffer.from(file);
  if (sector.length !== GRUB_SECTOR_BYTES || sector.readUInt16LE(BLOCK_LIST.segment) !== CORE_SEGMENT) {
    throw invalid('diskboot.img is not one');
  }
  sector.writeUInt16LE(Math.ceil(loadedBytes / GRUB_SECTOR_BYTES), BLOCK_LIST.count);
  return sector;
}

function invalid(why: string): SlipwayError {
  return new SlipwayError('GRUB_INVALID', `cannot assemble GRUB for BIOS: ${why}`, {
    hint: 'install grub-pc-bin again where the modules come from',
  });
}
