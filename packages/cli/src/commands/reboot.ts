import { existsSync } from 'node:fs';
import { type Operation, run, SlipwayError } from '@slipway/core';
import {
  parseSystemdVersion,
  planSoftReboot,
  requestSoftReboot,
  runningSystem,
  withdrawSoftReboot,
} from '@slipway/host';

/** How much of the machine may be started anew: `required` only userspace, `auto` as little as will do, `never` all of it. */
export type SoftReboot = 'required' | 'auto' | 'never';

/**
 * Starts what starts next: by a soft reboot where the kernel stays the same, else by a reboot, which systemd begins after this command
 * has ended. Says which in the log.
 *
 * @throws SlipwayError SOFT_REBOOT_IMPOSSIBLE where only a soft reboot was wanted; what is staged stays staged
 */
export async function reboot(operation: Operation, soft: SoftReboot): Promise<void> {
  const plan = soft === 'never' ? undefined : await planSoftReboot(runningSystem(), await version(operation));
  const obstacle = plan?.obstacle ?? (existsSync('/sys/fs/selinux/enforce') ? 'SELinux is on' : undefined);
  if (plan === undefined || obstacle !== undefined) {
    if (soft === 'required') throw impossible(obstacle ?? 'it was not asked for');
    operation.log.info('rebooting in full', obstacle === undefined ? {} : { because: obstacle });
    return await systemctl(['reboot', '--no-block', '--message=Initiated by slipway'], operation);
  }
  await requestSoftReboot(runningSystem(), plan.deployment);
  operation.log.info('starting userspace anew: the kernel stays the same');
  try {
    await systemctl(['soft-reboot', '--no-block', '--message=Initiated by slipway'], operation);
  } catch (thrown) {
    await withdrawSoftReboot(runningSystem());
    throw thrown;
  }
}

/** @throws SlipwayError USAGE where a soft reboot is insisted on that is not to happen */
export function checkSoftReboot(input: {
  readonly apply: boolean;
  readonly softReboot: SoftReboot | undefined;
}): void {
  if (input.softReboot !== 'required' || input.apply) return;
  throw new SlipwayError('USAGE', 'cannot insist on a soft reboot without --apply: nothing is to reboot', {
    hint: 'add --apply',
  });
}

async function systemctl(words: readonly string[], { signal, log }: Operation): Promise<void> {
  const options = { describe: 'reboot', debianPackage: 'systemd', signal, log };
  await run(['systemctl', ...words], options);
}

async function version({ signal, log }: Operation): Promise<number> {
  const options = { describe: 'ask for the version of systemd', debianPackage: 'systemd', signal, log };
  const { stdout } = await run(['systemctl', '--version'], options);
  return parseSystemdVersion(stdout.toString('utf8'));
}

function impossible(obstacle: string): SlipwayError {
  return new SlipwayError('SOFT_REBOOT_IMPOSSIBLE', `cannot soft-reboot: ${obstacle}`, {
    hint: 'what is to start next stays so: reboot in full, or use --soft-reboot auto',
  });
}
