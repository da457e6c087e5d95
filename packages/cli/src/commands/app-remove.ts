import { removeApp, runningSystem, systemdServices } from '@slipway/host';
import type { CommandContext } from '../command/spec.ts';
import { emit } from '../output/emit.ts';
import { appWords } from '../render/app.ts';

/** `slipway app remove NAME`. */
export async function appRemove(
  input: { readonly name: string; readonly keepData: boolean; readonly json: boolean },
  context: CommandContext,
): Promise<number> {
  const { operation } = context;
  const options = { ...operation, services: systemdServices(operation), keepData: input.keepData };
  emit(context, input, await removeApp(runningSystem(), input.name, options), (app) => appWords([app]));
  return 0;
}
