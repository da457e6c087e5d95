import { SlipwayError } from '@slipway/core';

/** @throws SlipwayError DISK_INVALID, always */
export function refuse(why: string): never {
  throw new SlipwayError('DISK_INVALID', `cannot read the ISO 9660 medium: ${why}`);
}
