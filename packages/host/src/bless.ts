/** Calling this boot good where GRUB counts boots: it has nobody to do so, as systemd-boot has systemd-bless-boot. */
import { blessGrubEntry, grubStartedEntry } from '@slipway/boot';
import type { OperationOptions } from '@slipway/core';
import { publishStatus } from './status.ts';
import type { HostSystem } from './system.ts';
import { runTransaction } from './transaction.ts';

/** An update may be on its way already; it is waited for. */
const LOCK_WAIT_MS = 10 * 60_000;

/** What became of the counter. */
export type BlessResult = 'blessed' | 'not-counted' | 'not-started-by-grub';

/**
 * Ends the counting of the entry this boot was started from. A cut leaves it counted, or not.
 *
 * @throws SlipwayError NOT_A_SLIPWAY_HOST, NOT_ROOT, HOST_LOCKED, NO_SPACE, IO_FAILED
 */
export async function blessBoot(system: HostSystem, options: OperationOptions = {}): Promise<BlessResult> {
  const started = grubStartedEntry(await system.commandLine());
  if (started === undefined) return 'not-started-by-grub';
  const waiting = { ...options, waitMs: LOCK_WAIT_MS };
  return await runTransaction(system, 'slipway internals bless', waiting, async ({ log }) => {
    const wasCounted = await blessGrubEntry(system.esp, started.base);
    await publishStatus(system, log);
    return wasCounted ? 'blessed' : 'not-counted';
  });
}
