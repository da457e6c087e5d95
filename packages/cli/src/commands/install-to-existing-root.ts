import { installToExistingRoot, loadConfig } from '@slipway/install';
import type { CommandContext } from '../command/spec.ts';
import { emit } from '../output/emit.ts';
import { type InstallOptions, installRequest } from './install-options.ts';
import { installWords } from './install-to-disk.ts';

interface InstallToExistingRootInput extends InstallOptions {
  readonly path: string | undefined;
  readonly config: string | undefined;
  readonly acknowledgeDestructive: boolean;
  readonly dryRun: boolean;
}

/** `slipway install to-existing-root [PATH]`. */
export async function installToExistingRootCommand(
  input: InstallToExistingRootInput,
  context: CommandContext,
): Promise<number> {
  const { path = '/', dryRun, acknowledgeDestructive } = input;
  const config = input.config === undefined ? undefined : await loadConfig(input.config, 'disk');
  const file = { config, source: undefined, target: undefined };
  const request = await installRequest(input, file, context.operation);
  const record = await installToExistingRoot(
    { ...request, path, acknowledgesDestruction: acknowledgeDestructive },
    { ...context.operation, dryRun },
  );
  emit(context, input, record, (record) => [
    ...installWords(record),
    ...(record.done ? ['restart the machine to start it; what was there before is below /sysroot'] : []),
  ]);
  return 0;
}
