import { hostDrift, runningSystem } from '@slipway/host';
import type { CommandContext } from '../command/spec.ts';
import { emit } from '../output/emit.ts';
import { driftWords } from '../render/drift.ts';

interface DriftInput {
  readonly exitCode: boolean;
  readonly json: boolean;
}

/** `slipway drift`. */
export async function drift(input: DriftInput, context: CommandContext): Promise<number> {
  const found = await hostDrift(runningSystem(), context.operation);
  emit(context, input, found, driftWords);
  return input.exitCode && found.differences.length > 0 ? 1 : 0;
}
