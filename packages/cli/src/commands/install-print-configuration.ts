import { installConfiguration } from '@slipway/install';
import type { CommandContext } from '../command/spec.ts';
import { machineArchitecture } from './architecture.ts';

interface InstallPrintConfigurationInput {
  readonly all: boolean;
  readonly root: string;
}

/** `slipway install print-configuration`. */
export async function installPrintConfiguration(
  input: InstallPrintConfigurationInput,
  context: CommandContext,
): Promise<number> {
  const merged = await installConfiguration(input.root, machineArchitecture());
  // As with bootc: whoever asks without --all wants to know how to make the disk.
  const { filesystem } = merged;
  const answer = input.all ? merged : filesystem === undefined ? {} : { filesystem };
  context.print(`${JSON.stringify(answer, undefined, 2)}\n`);
  return 0;
}
