import {
  decideUpdate,
  type FleetLock,
  readSurroundings,
  readUpdatePolicy,
  requestReboot,
  runningSystem,
} from '@slipway/host';
import type { CommandContext } from '../command/spec.ts';
import { upgrade } from './upgrade.ts';

/** `slipway internals auto-update`: an upgrade that goes as far as the policy lets it now. */
export async function internalsAutoUpdate(_input: unknown, context: CommandContext): Promise<number> {
  const { log } = context.operation;
  const system = runningSystem();
  const policy = await readUpdatePolicy(system);
  if (policy === undefined) {
    log.info('nothing is done by itself: there is no /etc/slipway/update.toml');
    return 0;
  }
  const around = await readSurroundings(system, context.operation);
  const { action, because } = decideUpdate(policy, system.clock.nowMs(), around);
  log.info('updating by itself', { action, because });
  const { fleetLock } = policy;
  return await upgrade(
    {
      check: action === 'check',
      downloadOnly: action === 'download',
      apply: action === 'apply',
      softReboot: 'never',
      fromDownloaded: false,
      tag: undefined,
      allowDenied: false,
      etcPolicy: 'ours',
      signaturePolicy: undefined,
      progressFd: undefined,
      json: false,
    },
    context,
    fleetLock === undefined ? undefined : () => mayReboot(fleetLock, context),
  );
}

/** What the fleet says. Refused, the update stays staged, and the next call asks again. */
async function mayReboot(lock: FleetLock, { operation }: CommandContext): Promise<boolean> {
  const answer = await requestReboot(runningSystem(), lock, operation);
  if (!answer.granted) operation.log.info('not rebooting now', { because: answer.because });
  return answer.granted;
}
