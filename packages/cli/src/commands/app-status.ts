import { appSummary, requireApp, runningSystem, systemdServices } from '@slipway/host';
import type { CommandContext } from '../command/spec.ts';
import { emit } from '../output/emit.ts';
import { appStatusWords } from '../render/app.ts';

/** `slipway app status NAME`. */
export async function appStatus(
  input: { readonly name: string; readonly json: boolean },
  context: CommandContext,
): Promise<number> {
  const app = await requireApp(runningSystem(), input.name);
  emit(context, input, await appSummary(app, systemdServices(context.operation)), appStatusWords);
  return 0;
}
