import { installToFilesystem, loadConfig } from '@slipway/install';
import type { CommandContext } from '../command/spec.ts';
import { emit } from '../output/emit.ts';
import { type InstallOptions, installRequest } from './install-options.ts';
import { installWords } from './install-to-disk.ts';

interface InstallToFilesystemInput extends InstallOptions {
  readonly path: string;
  readonly config: string | undefined;
  readonly rootMountSpec: string | undefined;
  readonly bootMountSpec: string | undefined;
  readonly replace: 'wipe' | 'alongside' | undefined;
  readonly acknowledgeDestructive: boolean;
  readonly skipFinalize: boolean;
  readonly dryRun: boolean;
}

/** `slipway install to-filesystem PATH`. */
export async function installToFilesystemCommand(
  input: InstallToFilesystemInput,
  context: CommandContext,
): Promise<number> {
  const config = input.config === undefined ? undefined : await loadConfig(input.config, 'disk');
  const request = await installRequest(
    input,
    { config, source: undefined, target: undefined },
    context.operation,
  );
  const record = await installToFilesystem(
    {
      ...request,
      path: input.path,
      rootMountSpec: input.rootMountSpec,
      bootMountSpec: input.bootMountSpec,
      replace: input.replace,
      acknowledgesDestruction: input.acknowledgeDestructive,
      skipsFinalize: input.skipFinalize,
    },
    { ...context.operation, dryRun: input.dryRun },
  );
  emit(context, input, record, installWords);
  return 0;
}
