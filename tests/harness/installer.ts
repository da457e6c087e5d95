/** A medium that installs a machine by itself, with no network and nobody there. */
import { FAST_EMULATED_CPU, startVm } from '@slipway/vm';
import { expect } from 'vitest';

/** What is in the machine. */
export interface Installation {
  /** Where `install.iso`, the stick, and `disk.raw`, the disk, are; `installer.log` becomes what the console said. */
  readonly directory: string;
  readonly memoryBytes: number;
  readonly withinMs: number;
}

/** Boots the stick by UEFI and waits until the machine, which starts again when it is done, has ended. */
export async function installFromStick({ directory, memoryBytes, withinMs }: Installation): Promise<void> {
  await using vm = await startVm({
    boot: { kind: 'uefi' },
    disks: [
      { path: `${directory}/install.iso`, format: 'raw' },
      { path: `${directory}/disk.raw`, format: 'raw', changes: { kind: 'write' } },
    ],
    network: 'none',
    sshKey: false,
    cpuModel: FAST_EMULATED_CPU,
    memoryBytes,
    onReboot: 'shutdown',
    consoleLogPath: `${directory}/installer.log`,
  });
  const result = await vm.console.find(/SLIPWAY-INSTALL: .*/, AbortSignal.timeout(withinMs));
  expect(result).toContain('SLIPWAY-INSTALL: success');
  await vm.waitForPowerOff({ withinMs });
}
