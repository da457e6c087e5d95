/** Installers that do their work with nobody there. */
import { mkdir, rm, truncate, writeFile } from 'node:fs/promises';
import { FAST_EMULATED_CPU, startVm, type Vm, type VmDisk } from '@slipway/vm';
import { expect } from 'vitest';
import type { Say } from './images.ts';
import { slipway } from './slipway.ts';

/** What an installer is made of. */
export interface Medium {
  /** Emptied first. */
  readonly directory: string;
  readonly image: string;
  /** TOML. */
  readonly config: string;
  /** What the installed machine follows. */
  readonly target: string;
  /** Default: `iso` alone. */
  readonly types?: readonly ('iso' | 'pxe')[];
}

/** Makes an installer, as `install.iso` or in `pxe`. */
export async function makeMedium(
  { directory, image, config, target, types = ['iso'] }: Medium,
  say: Say,
): Promise<void> {
  await rm(directory, { recursive: true, force: true });
  await mkdir(directory, { recursive: true });
  const configPath = `${directory}/config.toml`;
  await writeFile(configPath, config);
  const more = ['--config', configPath, '--target-imgref', target, '-o', directory];
  await slipway(['image', image, ...types.flatMap((type) => ['--type', type]), ...more], { onLine: say });
}

/** Makes a disk nothing was ever written to, in place of what it was. */
export async function emptyDisk(path: string, sizeBytes: number): Promise<void> {
  await writeFile(path, '');
  await truncate(path, sizeBytes);
}

/** What is in the machine. */
export interface Installation {
  /** Where `install.iso` and the disks are; `installer.log` becomes what the console said. */
  readonly directory: string;
  /** What the installer is started from: a USB stick, a disc, or the network, by the address of a script. */
  readonly from: 'stick' | 'disc' | { readonly scriptUrl: string };
  /** Default `uefi`. */
  readonly firmware?: 'uefi' | 'bios';
  /** Names of the disks. Default: `disk.raw` alone. */
  readonly disks?: readonly string[];
  /** Where the state of its TPM is; it has none where absent. */
  readonly tpmDirectory?: string;
  readonly memoryBytes: number;
  readonly withinMs: number;
}

/** Starts a machine and waits until it, which starts again when it is done, has ended. */
export async function installMachine(installation: Installation): Promise<void> {
  await using vm = await startInstaller(installation);
  expect(await installerResult(vm, installation)).toContain('SLIPWAY-INSTALL: success');
  await vm.waitForPowerOff({ withinMs: installation.withinMs });
}

/** Starts a machine, and switches it off once the installer has said what came of it: for one that installs nothing. */
export async function tryInstaller(installation: Installation): Promise<string> {
  await using vm = await startInstaller(installation);
  return await installerResult(vm, installation);
}

/** The line with which it ends; empty where the machine ended without it. */
async function installerResult(vm: Vm, { withinMs }: Installation): Promise<string> {
  return (await vm.console.find(/SLIPWAY-INSTALL: .*/, AbortSignal.timeout(withinMs))) ?? '';
}

async function startInstaller(installation: Installation): Promise<Vm> {
  const {
    directory,
    from,
    firmware = 'uefi',
    disks = ['disk.raw'],
    tpmDirectory,
    memoryBytes,
  } = installation;
  const iso = { path: `${directory}/install.iso`, format: 'raw' } as const;
  const medium: readonly VmDisk[] =
    from === 'stick' ? [iso] : from === 'disc' ? [{ ...iso, isDisc: true }] : [];
  return await startVm({
    boot: { kind: firmware },
    disks: [
      ...medium,
      ...disks.map(
        (name) => ({ path: `${directory}/${name}`, format: 'raw', changes: { kind: 'write' } }) as const,
      ),
    ],
    ...(typeof from === 'string' ? { network: 'none' } : { networkBootUrl: from.scriptUrl }),
    ...(tpmDirectory === undefined ? {} : { tpmDirectory }),
    sshKey: false,
    cpuModel: FAST_EMULATED_CPU,
    memoryBytes,
    onReboot: 'shutdown',
    consoleLogPath: `${directory}/installer.log`,
  });
}
