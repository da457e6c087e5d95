import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isSlipwayError, makeTempDir, run } from '@slipway/core';

/** Far more than the 50 ms it takes where KVM works; an emulated processor that hangs is cut off here. */
const DEADLINE_MS = 5000;

/** QEMU ends with twice the byte the guest wrote, plus one: 42 → 85. */
const EXPECTED_EXIT_CODE = 85;

/**
 * Firmware of 150 bytes: from the reset vector into long mode with paging, as every 64-bit kernel goes, then a little SSE2
 * arithmetic, and the result (21 + 21) out of the debug-exit port. Where "KVM" interprets kernel code instead of running
 * it, the interpreter knows no SSE2 and gives up, as it would in the decompressor of any stock kernel.
 */
const CODE: Buffer = Buffer.from(
  [
    'fa 31c0 8ed8', //                  cli; xor ax, ax; mov ds, ax
    '66c7060010 03200000', //           mov dword [0x1000], 0x2003     page map level 4 → 0x2000, present, writable
    '66c7060020 03300000', //           mov dword [0x2000], 0x3003     page directory pointers → 0x3000
    '66c7060030 83000000', //           mov dword [0x3000], 0x0083     the first 2 MiB as one page
    '0f20e0 660d20060000 0f22e0', //    cr4 |= PAE | OSFXSR | OSXMMEXCPT
    '66b800100000 0f22d8', //           cr3 = 0x1000
    '66b9800000c0 0f32', //             rdmsr EFER
    '660d00010000 0f30', //             wrmsr EFER | LME
    '2e660f01169000', //                lgdt cs:[0x90]
    '0f20c0 6683e0fb 660d03000080 0f22c0', // cr0 = cr0 & ~EM | PE | MP | PG
    '66ea64000f000800', //              jmp 8:0xf0064                  64-bit from here
    'b815000000 f20f2ac0', //           mov eax, 21; cvtsi2sd xmm0, eax
    'f20f58c0 f20f2cc0', //             addsd xmm0, xmm0; cvttsd2si eax, xmm0
    'e6f4 f4 ebfd', //                  out 0xf4, al; hlt; jmp to the hlt
    '000000000000', //                  (alignment)
    '0000000000000000 00000000009a2000', // descriptors: null, 64-bit code
    '0f00 80000f00', //                 their limit and address, 0xf0080
  ]
    .join('')
    .replaceAll(' ', ''),
  'hex',
);

const ROM_BYTES = 65_536;
const RESET_VECTOR = 0xfff0;
/** jmp f000:0000, where the ROM starts. */
const FAR_JUMP: Buffer = Buffer.from('ea000000f0', 'hex');

/**
 * Runs the probe guest under KVM with the machine and processor {@link planQemu} uses.
 *
 * @returns undefined when KVM works, else why it does not
 * @throws SlipwayError TOOL_MISSING without QEMU, ABORTED
 */
export async function probeKvm(
  signal: AbortSignal,
  accelerator: 'kvm' | 'tcg' = 'kvm',
): Promise<string | undefined> {
  await using dir = await makeTempDir('kvm-probe');
  const rom = join(dir.path, 'probe.rom');
  await writeFile(rom, probeRom());
  const gaveUp = new AbortController();
  const machine = ['-machine', 'q35', '-accel', accelerator, '-cpu', 'max', '-m', '16', '-bios', rom];
  const quiet = ['-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot'];
  const exit = ['-device', 'isa-debug-exit,iobase=0xf4,iosize=1'];
  try {
    const { exitCode } = await run(['qemu-system-x86_64', ...machine, ...quiet, ...exit], {
      describe: 'try KVM',
      debianPackage: 'qemu-system-x86',
      signal: AbortSignal.any([signal, gaveUp.signal, AbortSignal.timeout(DEADLINE_MS)]),
      // QEMU only pauses when KVM gives up; it has said all it will say.
      onLine: (line) => {
        if (line.startsWith('KVM internal error')) gaveUp.abort();
      },
      allowExitCodes: [EXPECTED_EXIT_CODE],
    });
    return exitCode === EXPECTED_EXIT_CODE ? undefined : 'the probe guest ended without its answer';
  } catch (cause) {
    signal.throwIfAborted();
    if (gaveUp.signal.aborted) return 'it cannot run the kernel code of an unmodified guest';
    if (isSlipwayError(cause, 'ABORTED')) return `the probe guest did not answer in ${DEADLINE_MS} ms`;
    if (isSlipwayError(cause, 'TOOL_FAILED')) return cause.message.split('\n')[1] ?? cause.message;
    throw cause;
  }
}

function probeRom(): Buffer {
  const rom = Buffer.alloc(ROM_BYTES);
  CODE.copy(rom, 0);
  FAR_JUMP.copy(rom, RESET_VECTOR);
  return rom;
}
