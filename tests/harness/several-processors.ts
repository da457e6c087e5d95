/**
 * Two emulated processors for a host that has the machine for itself: a third less time to boot. Tests, of which two run beside each
 * other on two cores, would gain nothing. Debian 12's QEMU is too old for it; there Debian 13's is unpacked and used.
 */
import { run } from '@slipway/core';
import { EMULATES_SEVERAL_CPUS_SINCE, type VmOptions } from '@slipway/vm';
import { type UnpackedPackages, unpackedCommand, unpackPackages } from './unpacked-packages.ts';

const PACKAGES: UnpackedPackages = { name: 'qemu-trixie', suite: 'trixie', packages: ['qemu-system-x86'] };

/**
 * Gets a QEMU that can; the first time on Debian 12 takes twenty seconds and a Debian mirror.
 *
 * @param say tells whoever waits what is fetched
 */
export async function severalProcessors(
  say: (line: string) => void,
): Promise<Pick<VmOptions, 'cpus' | 'qemu'>> {
  const { stdout } = await run(['qemu-system-x86_64', '--version'], {
    describe: 'ask QEMU for its version',
    debianPackage: 'qemu-system-x86',
  });
  if (isNewEnough(String(stdout))) return { cpus: 2 };
  say('QEMU of Debian 13, which emulates several processors: unpacked below build/cache, not installed');
  await unpackPackages(PACKAGES);
  return { cpus: 2, qemu: unpackedCommand(PACKAGES, 'qemu-system-x86_64', []) };
}

function isNewEnough(version: string): boolean {
  const [, major = '0', minor = '0'] = /version (\d+)\.(\d+)/.exec(version) ?? [];
  const since = EMULATES_SEVERAL_CPUS_SINCE;
  return Number(major) > since.major || (Number(major) === since.major && Number(minor) >= since.minor);
}
