import { revertApp, runningSystem, systemdServices } from '@slipway/host';
import type { CommandContext } from '../command/spec.ts';
import { emit } from '../output/emit.ts';
import { appWords } from '../render/app.ts';

/** `slipway app revert NAME`. */
export async function appRevert(
  input: { readonly name: string; readonly json: boolean },
  context: CommandContext,
): Promise<number> {
  const { operation } = context;
  const options = { ...operation, services: systemdServices(operation) };
  emit(context, input, await revertApp(runningSystem(), input.name, options), (app) => appWords([app]));
  return 0;
}
