import { recoverApps, runningSystem, systemdServices } from '@slipway/host';
import type { CommandContext } from '../command/spec.ts';

/** `slipway internals apps`: what slipway-apps.service runs. */
export async function internalsApps(_input: unknown, context: CommandContext): Promise<number> {
  const { operation } = context;
  const options = { ...operation, services: systemdServices(operation) };
  for (const [app, result] of await recoverApps(runningSystem(), options)) {
    if (result.kind === 'works') operation.log.info('the change that was cut short works', { app });
    else operation.log.warn('the change was taken back', { app, reason: result.reason });
  }
  return 0;
}
