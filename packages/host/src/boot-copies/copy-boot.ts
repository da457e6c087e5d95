import type { OperationOptions } from '@slipway/core';
import type { HostSystem } from '../system.ts';
import { runTransaction } from '../transaction.ts';

/** An update may be on its way already; it is waited for. */
const LOCK_WAIT_MS = 10 * 60_000;

/**
 * Brings the boot partitions of other disks up to date after somebody else changed the one that is mounted.
 *
 * @throws SlipwayError NOT_A_SLIPWAY_HOST, NOT_ROOT, HOST_LOCKED
 */
export async function copyBoot(system: HostSystem, options: OperationOptions = {}): Promise<void> {
  const waiting = { ...options, waitMs: LOCK_WAIT_MS };
  // A transaction that does nothing: every one ends with it.
  await runTransaction(system, 'slipway internals copy-boot', waiting, async () => undefined);
}
