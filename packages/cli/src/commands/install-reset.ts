import { SlipwayError } from '@slipway/core';
import { runningSystem } from '@slipway/host';
import { installReset, loadConfig, type ResetRecord } from '@slipway/install';
import type { CommandContext } from '../command/spec.ts';
import { emit } from '../output/emit.ts';
import { type InstallOptions, installRequest } from './install-options.ts';
import { reboot } from './reboot.ts';

interface InstallResetInput extends Omit<InstallOptions, 'genericImage' | 'cache' | 'arch'> {
  readonly config: string | undefined;
  readonly noRootKargs: boolean;
  readonly apply: boolean;
  readonly acknowledgeDestructive: boolean;
  readonly experimental: boolean;
  readonly dryRun: boolean;
}

/** `slipway install reset`. */
export async function installResetCommand(
  input: InstallResetInput,
  context: CommandContext,
): Promise<number> {
  const { dryRun, acknowledgeDestructive, noRootKargs, apply } = input;
  if (!acknowledgeDestructive && !dryRun) {
    throw new SlipwayError('USAGE', 'cannot reset this host: its settings and data would be put aside', {
      hint: 'look at it with --dry-run, then give --acknowledge-destructive',
    });
  }
  const config = input.config === undefined ? undefined : await loadConfig(input.config, 'disk');
  const request = await installRequest(
    { ...input, genericImage: true, cache: undefined, arch: undefined },
    { config, source: undefined, target: undefined },
    context.operation,
  );
  const record = await installReset(
    runningSystem(),
    { ...request, keepsRootArguments: !noRootKargs },
    { ...context.operation, dryRun },
  );
  const reboots = apply && record.done;
  emit(context, input, record, (reset) => resetWords(reset, reboots));
  if (reboots) await reboot(context.operation, 'never');
  return 0;
}

function resetWords(record: ResetRecord, reboots: boolean): readonly string[] {
  const { image, version, deployment, kernelCommandLine, keptState, keptFiles, removed, done } = record;
  const named = version === undefined ? image : `${image} (${version})`;
  const kept = keptFiles.length === 0 ? '' : `, with ${keptFiles.join(' and ')} as they are`;
  if (!done) {
    return [
      `this host, from ${named}:`,
      `1. write a new /etc and a new /var for ${deployment}${kept}`,
      '2. write its kernel to the boot partition',
      `3. MOVE THE PRESENT /etc, /var, HISTORY AND APPS to ${keptState}`,
      `4. write a boot entry: ${kernelCommandLine}`,
      ...(removed.length === 0 ? [] : [`5. REMOVE the boot entries of ${removed.join(', ')}`]),
      'nothing was done: this is a dry run',
    ];
  }
  return [
    `this host begins anew with ${named}`,
    `  deployment      ${deployment}`,
    `  updates from    ${record.target}`,
    `  kernel command  ${kernelCommandLine}`,
    `  the old state   ${keptState}  (remove it when nothing of it is needed)`,
    reboots ? 'restarting' : 'restart it to begin: systemctl reboot',
  ];
}
