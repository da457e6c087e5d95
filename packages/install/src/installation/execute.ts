import type { Executors, InstallContext } from './context.ts';
import { stepWords } from './describe.ts';
import { DISK_EXECUTORS } from './execute-disk.ts';
import { HOST_EXECUTORS } from './execute-host.ts';
import { LAYER_EXECUTORS } from './execute-layers.ts';
import { SCRIPT_EXECUTORS } from './execute-scripts.ts';
import type { InstallStep, StepKind, StepOf } from './step.ts';

const EXECUTORS: Executors<StepKind> = {
  ...DISK_EXECUTORS,
  ...LAYER_EXECUTORS,
  ...HOST_EXECUTORS,
  ...SCRIPT_EXECUTORS,
};

/** Does the steps of a plan, one after another. @throws SlipwayError what the steps throw, ABORTED */
export async function executeSteps(steps: readonly InstallStep[], context: InstallContext): Promise<void> {
  for (const step of steps) {
    context.operation.signal.throwIfAborted();
    context.operation.log.info(stepWords(step));
    await executeStep(step, context);
  }
}

async function executeStep<K extends StepKind>(step: StepOf<K>, context: InstallContext): Promise<void> {
  const execute = EXECUTORS[step.kind] as (step: StepOf<K>, context: InstallContext) => Promise<void>;
  await execute(step, context);
}
