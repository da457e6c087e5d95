import { hostStatus, readFailedBoot, requireBootedId, runningSystem } from '@slipway/host';
import type { CommandContext } from '../command/spec.ts';
import { emit } from '../output/emit.ts';
import { healthWords } from '../render/health.ts';

interface HealthInput {
  readonly json: boolean;
}

/** `slipway health`. */
export async function health(input: HealthInput, context: CommandContext): Promise<number> {
  const system = runningSystem();
  const deployment = await requireBootedId(system);
  const { slipway } = await hostStatus(system);
  const failed = await readFailedBoot(system);
  const failedBoot = failed?.deployment === slipway.fallback?.deployment ? (failed ?? null) : null;
  const { health: verdict, checks, fallback } = slipway;
  emit(context, input, { deployment, health: verdict, checks, fallback, failedBoot }, healthWords);
  return verdict === 'bad' ? 1 : 0;
}
