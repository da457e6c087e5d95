import { copyBoot, runningSystem } from '@slipway/host';
import type { CommandContext } from '../command/spec.ts';

/** `slipway internals copy-boot`, for the journal. */
export async function internalsCopyBoot(_input: unknown, { operation }: CommandContext): Promise<number> {
  await copyBoot(runningSystem(), operation);
  return 0;
}
