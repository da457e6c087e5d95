import { checkInstalled } from '@slipway/install';
import type { CommandContext } from '../command/spec.ts';
import { emit } from '../output/emit.ts';

interface InstallEnsureCompletionInput {
  readonly path: string;
  readonly boot: string | undefined;
  readonly json: boolean;
}

/** `slipway install ensure-completion PATH`. */
export async function installEnsureCompletion(
  input: InstallEnsureCompletionInput,
  context: CommandContext,
): Promise<number> {
  const found = await checkInstalled(input.path, input.boot, context.operation);
  emit(context, input, found, ({ isComplete, deployments, problems }) =>
    isComplete ? deployments.map((id) => `${input.path}: complete, starts ${id}`) : problems,
  );
  return found.isComplete ? 0 : 1;
}
