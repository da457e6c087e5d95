/** GRUB's `kernel.img`: an ELF executable (System V ABI, chapter 4), laid out as it is to stand in memory. */
import { roundUp, SlipwayError } from '@slipway/core';
import { KERNEL_ADDRESS, UNPACKED_MOST_BYTES } from './format.ts';

const IDENT_32_LITTLE = Buffer.from([0x7f, 0x45, 0x4c, 0x46, 1, 1, 1]);
const HEADER = { machine: 18, sectionsOffset: 32, sectionBytes: 46, sectionCount: 48, bytes: 52 } as const;
const SECTION = { type: 4, flags: 8, address: 12, offset: 16, size: 20, alignment: 32, bytes: 40 } as const;
const MACHINE_I386 = 3;
const TYPE_NOBITS = 8;
const FLAG_ALLOCATED = 2;
const MOST_SECTIONS = 256;

/**
 * The bytes of the kernel from its first to the last that is not zero at first.
 *
 * @throws SlipwayError GRUB_INVALID for anything but a kernel of GRUB for BIOS
 */
export function kernelMemory(file: Uint8Array): Buffer {
  const elf = Buffer.from(file.buffer, file.byteOffset, file.byteLength);
  let memory = Buffer.alloc(0);
  for (const { address, bytes, alignment } of loadedSections(elf)) {
    const at = roundUp(memory.length, alignment);
    // Sections follow each other without a gap, so that what is linked against their addresses finds them.
    if (address !== KERNEL_ADDRESS + at) throw invalid('its sections do not follow each other');
    memory = Buffer.concat([memory, Buffer.alloc(at - memory.length), bytes]);
  }
  if (memory.length === 0) throw invalid('it is empty');
  return memory;
}

interface LoadedSection {
  readonly address: number;
  readonly alignment: number;
  readonly bytes: Buffer;
}

function loadedSections(elf: Buffer): readonly LoadedSection[] {
  if (elf.length < HEADER.bytes || elf.length > UNPACKED_MOST_BYTES)
    throw invalid(`it has ${elf.length} bytes`);
  if (!elf.subarray(0, IDENT_32_LITTLE.length).equals(IDENT_32_LITTLE))
    throw invalid('it is no 32-bit ELF file');
  if (elf.readUInt16LE(HEADER.machine) !== MACHINE_I386) throw invalid('it is for another processor');
  const start = elf.readUInt32LE(HEADER.sectionsOffset);
  const count = elf.readUInt16LE(HEADER.sectionCount);
  const size = elf.readUInt16LE(HEADER.sectionBytes);
  if (size !== SECTION.bytes || count > MOST_SECTIONS || start + count * size > elf.length) {
    throw invalid('its sections are damaged');
  }
  return Array.from({ length: count }, (_, index) =>
    elf.subarray(start + index * size, start + (index + 1) * size),
  ).flatMap((section) => loadedSection(elf, section) ?? []);
}

/** Undefined for what takes no place in memory, or only zeros. */
function loadedSection(elf: Buffer, section: Buffer): LoadedSection | undefined {
  const isAllocated = (section.readUInt32LE(SECTION.flags) & FLAG_ALLOCATED) !== 0;
  if (!isAllocated || section.readUInt32LE(SECTION.type) === TYPE_NOBITS) return undefined;
  const offset = section.readUInt32LE(SECTION.offset);
  const size = section.readUInt32LE(SECTION.size);
  const alignment = Math.max(1, section.readUInt32LE(SECTION.alignment));
  if (offset + size > elf.length || alignment > 4096) throw invalid('a section reaches past its end');
  return {
    address: section.readUInt32LE(SECTION.address),
    alignment,
    bytes: elf.subarray(offset, offset + size),
  };
}

function invalid(why: string): SlipwayError {
  return new SlipwayError('GRUB_INVALID', `cannot use the kernel.img of GRUB: ${why}`, {
    hint: 'install grub-pc-bin again where the modules come from',
  });
}
