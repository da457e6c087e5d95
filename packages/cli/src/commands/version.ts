import { VERSION } from '@slipway/core';
import type { CommandContext } from '../command/spec.ts';
import { emit } from '../output/emit.ts';

/** `slipway version`. */
export async function version(input: { readonly json: boolean }, context: CommandContext): Promise<number> {
  const facts = {
    version: VERSION,
    node: process.versions.node,
    platform: process.platform,
    arch: process.arch,
  };
  emit(context, input, facts, (known) => [
    `slipway ${known.version} (node ${known.node}, ${known.platform} ${known.arch})`,
  ]);
  return 0;
}
