import { appSummary, listApps, runningSystem, systemdServices } from '@slipway/host';
import type { CommandContext } from '../command/spec.ts';
import { emit } from '../output/emit.ts';
import { appListWords } from '../render/app.ts';

/** `slipway app list`. */
export async function appList(input: { readonly json: boolean }, context: CommandContext): Promise<number> {
  const services = systemdServices(context.operation);
  const apps = await listApps(runningSystem());
  const answer = await Promise.all(apps.map((app) => appSummary(app, services)));
  emit(context, input, answer, appListWords);
  return 0;
}
