import type { DeviceSpec } from '@slipway/fleet-api';

/** The hold of a device while it stands; undefined: there is none, or it has ended. */
export function standingHold(hold: DeviceSpec['hold'], nowMs: number): DeviceSpec['hold'] {
  const stands = hold?.until === undefined || Date.parse(hold.until) > nowMs;
  return stands ? hold : undefined;
}
