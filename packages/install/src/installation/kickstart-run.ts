import { messageOf, type OperationOptions, operation, SlipwayError } from '@slipway/core';
import type { BlockDevice } from '../block/block-device.ts';
import { diskWords, usesOf } from '../block/guard-disk.ts';
import { listBlockDevices } from '../block/list-devices.ts';
import { type DiskSelection, isSelected } from '../kickstart/disk-selection.ts';
import { loadKickstart, problemLine } from '../kickstart/load-kickstart.ts';
import type { KickstartPlan } from '../kickstart/plan.ts';
import { runScript } from './run-script.ts';

/**
 * What a kickstart file says, its `%pre` scripts run where they may: they can write what the file then includes.
 *
 * @throws SlipwayError KICKSTART_INVALID with every error of the file, SCRIPT_FAILED
 */
export async function readyKickstart(
  path: string,
  { runsScripts, ...options }: OperationOptions & { readonly runsScripts: boolean },
): Promise<KickstartPlan> {
  const judged = { target: 'installer', isStrict: false } as const;
  const first = await loadKickstart(path, judged, options);
  const before = first.scripts.filter(({ when }) => when === 'pre');
  if (!runsScripts || before.length === 0) return withoutErrors(path, first, options);
  for (const script of before)
    await runScript(script, { root: undefined, installPath: undefined }, operation(options));
  return withoutErrors(path, await loadKickstart(path, judged, options), options);
}

/** Runs the `%onerror` scripts of a file; what goes wrong in them is only logged. */
export async function runErrorScripts({ scripts }: KickstartPlan, options: OperationOptions): Promise<void> {
  const { log, progress } = operation(options);
  for (const script of scripts.filter(({ when }) => when === 'onerror')) {
    // Also after Ctrl-C.
    const own = { log, progress, signal: new AbortController().signal };
    await runScript(script, { root: undefined, installPath: undefined }, own).catch((error: unknown) =>
      log.warn(messageOf(error)),
    );
  }
}

/**
 * The disk a file means: the first that it puts a partition on by name, else the only one it lets an installer use.
 *
 * @param named disks that partitions are put on
 * @throws SlipwayError DISK_NOT_FOUND with the disks there are when it is none or several
 */
export async function meantDisk(
  selection: DiskSelection,
  named: readonly string[],
  options: OperationOptions,
): Promise<string> {
  return named[0] ?? onlyDisk(selection, await listBlockDevices(options));
}

/** The same of devices that were listed. */
export function onlyDisk(selection: DiskSelection, devices: readonly BlockDevice[]): string {
  const disks = writableDisks(devices);
  const usable = disks.filter((disk) => isSelected(selection, disk.path) && usesOf(disk).length === 0);
  const [only, another] = usable;
  if (only !== undefined && another === undefined) return only.path;
  throw new SlipwayError(
    'DISK_NOT_FOUND',
    only === undefined
      ? 'cannot tell which disk to install to: the file that says what becomes of the machine leaves none that is free'
      : `cannot tell which disk to install to: ${usable.length} will do`,
    {
      findings: disks.map((disk) => {
        const uses = usesOf(disk);
        return `${diskWords(disk)}${uses.length === 0 ? '' : `: ${uses.join('; ')}`}`;
      }),
      hint: 'name it on the command line, by ignoredisk --only-use= in a kickstart file, or by drives in a configuration',
    },
  );
}

/** Disks something could be installed to, whatever stands on them. */
export function writableDisks(devices: readonly BlockDevice[]): readonly BlockDevice[] {
  return devices.filter(({ type, sizeBytes, isReadOnly }) => type === 'disk' && sizeBytes > 0 && !isReadOnly);
}

function withoutErrors(path: string, plan: KickstartPlan, options: OperationOptions): KickstartPlan {
  const errors = plan.problems.filter(({ severity }) => severity === 'error');
  if (errors.length > 0) {
    const count = errors.length === 1 ? 'one error' : `${errors.length} errors`;
    throw new SlipwayError('KICKSTART_INVALID', `cannot use the kickstart file ${path}: ${count}`, {
      findings: errors.map(problemLine),
    });
  }
  for (const { file, line, message } of plan.problems)
    operation(options).log.warn(`${file}:${line}: ${message}`);
  if (plan.mounts.length > 0) {
    throw new SlipwayError(
      'KICKSTART_INVALID',
      `cannot use the kickstart file ${path}: mount is for file systems that are there`,
      {
        hint: 'mount them and use slipway install to-filesystem; to-disk makes its own',
      },
    );
  }
  return plan;
}
