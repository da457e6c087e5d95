import { rollback as rollBack, runningSystem } from '@slipway/host';
import type { CommandContext } from '../command/spec.ts';
import { emit } from '../output/emit.ts';
import { rollbackWords } from '../render/staged.ts';
import { checkSoftReboot, reboot, type SoftReboot } from './reboot.ts';

interface RollbackInput {
  readonly deployment: string | undefined;
  readonly apply: boolean;
  readonly softReboot: SoftReboot | undefined;
  readonly json: boolean;
}

/** `slipway rollback`. */
export async function rollback(input: RollbackInput, context: CommandContext): Promise<number> {
  checkSoftReboot(input);
  const { operation } = context;
  const result = await rollBack(runningSystem(), { ...operation, to: input.deployment });
  emit(context, input, result, (done) => rollbackWords(done, input.apply));
  if (input.apply) await reboot(operation, input.softReboot ?? 'never');
  return 0;
}
