import { access } from 'node:fs/promises';
import { SlipwayError } from '@slipway/core';

/** UEFI firmware: code that is only read, and a template of the variables every machine gets a copy of. */
export interface Firmware {
  readonly code: string;
  readonly variables: string;
}

/** Where distributions put OVMF, newest layout first: 4 MB builds, without secure boot. */
const PLACES: readonly Firmware[] = [
  { code: '/usr/share/OVMF/OVMF_CODE_4M.fd', variables: '/usr/share/OVMF/OVMF_VARS_4M.fd' },
  { code: '/usr/share/edk2/x64/OVMF_CODE.4m.fd', variables: '/usr/share/edk2/x64/OVMF_VARS.4m.fd' },
  { code: '/usr/share/edk2/ovmf/OVMF_CODE.fd', variables: '/usr/share/edk2/ovmf/OVMF_VARS.fd' },
  { code: '/usr/share/OVMF/OVMF_CODE.fd', variables: '/usr/share/OVMF/OVMF_VARS.fd' },
];

/**
 * The UEFI firmware installed here.
 *
 * @throws SlipwayError TOOL_MISSING when there is none
 */
export async function findFirmware(places: readonly Firmware[] = PLACES): Promise<Firmware> {
  for (const place of places) {
    if ((await isReadable(place.code)) && (await isReadable(place.variables))) return place;
  }
  throw new SlipwayError('TOOL_MISSING', 'cannot start a UEFI machine: its firmware OVMF is not installed', {
    hint: 'install it, on Debian: apt-get install ovmf',
  });
}

async function isReadable(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
