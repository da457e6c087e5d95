/** The disks of an installation: the one it is told, and every other that its configuration puts something on. */
import { isSlipwayError, type OperationOptions, SlipwayError } from '@slipway/core';
import { diskPath } from '../config/disk-name.ts';
import type { ConfigFile } from '../config/load-config.ts';
import type { Customizations } from '../config/types.ts';
import { isSelected, mayErase } from '../kickstart/disk-selection.ts';
import type { DiskInstallRequest } from './request.ts';
import { findTarget, type InstallTarget, realPath } from './target.ts';

/** Where an installation goes. */
export interface InstallDisks {
  /** The first carries everything that is put on no disk by name. */
  readonly targets: readonly [InstallTarget, ...InstallTarget[]];
  /** With the disks it names by the paths they have among the targets. */
  readonly customizations: Customizations;
}

/** The disks that partitions are put on by name, then the one that starts the machine, as paths. */
export function namedDisks({ disk }: Customizations): readonly string[] {
  const named = [...(disk?.partitions ?? []).map(({ device }) => device), disk?.boot_drive];
  return [...new Set(named.filter((each) => each !== undefined).map(diskPath))];
}

/**
 * Looks at all of them and refuses when one must not be written. Nothing is written.
 *
 * @throws SlipwayError what {@link findTarget} throws; USAGE for a disk the installation may not use; DISK_UNSUITABLE for a file that
 *   would have to be several disks
 */
export async function findDisks(
  request: DiskInstallRequest,
  options: OperationOptions,
): Promise<InstallDisks> {
  const customizations = request.config?.config.customizations ?? {};
  const named = namedDisks(customizations);
  const look = async (device: string): Promise<InstallTarget> =>
    await findTarget({ device, isFile: request.isFile, mayWipe: mayWipe(request, device) }, options);
  if (request.isFile) {
    // It stands for the one disk there is, whatever that is called.
    if (named.length <= 1)
      return { targets: [await look(request.device)], customizations: unnamed(customizations) };
    throw new SlipwayError(
      'DISK_UNSUITABLE',
      `cannot install to ${request.device}: ${named.join(' and ')} are to be used, and a file stands for one disk`,
      { hint: 'attach a file for each: losetup --find --show --partscan FILE, and name the loop devices' },
    );
  }
  const paths = new Map<string, string>();
  for (const each of named) paths.set(each, await namedPath(request, each));
  const first = await look(await realPath(request.device));
  const others: InstallTarget[] = [];
  for (const path of new Set(paths.values())) if (path !== first.path) others.push(await look(path));
  requireSelected(request, first.path);
  return {
    targets: [first, ...others],
    customizations: renamed(customizations, (device) => paths.get(diskPath(device))),
  };
}

/** What a disk of the configuration is called here; why it cannot be used is told with the line that names it. */
async function namedPath(request: DiskInstallRequest, named: string): Promise<string> {
  try {
    const path = await realPath(named);
    requireSelected(request, path);
    return path;
  } catch (thrown) {
    const { config } = request;
    if (config === undefined || !isSlipwayError(thrown)) throw thrown;
    const { hint, details } = thrown;
    const findings = [`${placeOf(config, named)} names ${named}`];
    const advice = hint === undefined ? {} : { hint };
    throw new SlipwayError(thrown.code, thrown.message, { findings, ...advice, details, cause: thrown });
  }
}

/** Where a configuration first names a disk. */
function placeOf({ path: own, config, where }: ConfigFile, named: string): string {
  const { partitions = [] } = config.customizations?.disk ?? {};
  const index = partitions.findIndex(({ device }) => device !== undefined && diskPath(device) === named);
  const field = index < 0 ? ['boot_drive'] : ['partitions', index, 'device'];
  const { file = own, line, column, field: name } = where(['customizations', 'disk', ...field], '');
  return `${file}:${line}:${column}: ${name}`;
}

/** Whether everything on a disk may be erased: on all of an installation by an option, on single ones by a file. */
function mayWipe({ mayWipe: all, selection }: DiskInstallRequest, path: string): boolean {
  return all || (selection !== undefined && mayErase(selection, path));
}

function requireSelected({ selection }: DiskInstallRequest, path: string): void {
  if (selection === undefined || isSelected(selection, path)) return;
  throw new SlipwayError(
    'USAGE',
    `cannot install to ${path}: the file that says what becomes of the machine does not let an installer use it`,
    {
      hint: 'change ignoredisk in a kickstart file, drives in a configuration, or leave DEVICE out to take the disk the file means',
    },
  );
}

function unnamed(customizations: Customizations): Customizations {
  return renamed(customizations, () => undefined);
}

function renamed(
  customizations: Customizations,
  rename: (device: string) => string | undefined,
): Customizations {
  const { disk } = customizations;
  if (disk === undefined) return customizations;
  const called = (device: string | undefined): string | undefined =>
    device === undefined ? undefined : rename(device);
  const { partitions, boot_drive } = disk;
  return {
    ...customizations,
    disk: {
      ...disk,
      partitions: partitions?.map((each) => ({ ...each, device: called(each.device) })),
      boot_drive: called(boot_drive),
    },
  };
}
