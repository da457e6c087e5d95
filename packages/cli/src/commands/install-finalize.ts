import { finalizeFilesystem } from '@slipway/install';
import type { CommandContext } from '../command/spec.ts';

/** `slipway install finalize PATH`. */
export async function installFinalize(
  { path }: { readonly path: string },
  { operation }: CommandContext,
): Promise<number> {
  await finalizeFilesystem(path, operation);
  return 0;
}
