import { lstat, readdir, readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { bootEntryValue, entryDeployment, readBootEntries } from '@slipway/boot';
import { openRepository } from '@slipway/composefs';
import { errnoOf, messageOf, type OperationOptions, SlipwayError } from '@slipway/core';
import { type HostLayout, hostLayout, isDeploymentId, parseOrigin, VAR_LINK_TARGET } from '@slipway/host';
import { BOOT_PLACES } from './found-place.ts';

/** Whether an installation is one a machine can start, and what of it is missing. */
export interface InstalledHost {
  readonly isComplete: boolean;
  readonly deployments: readonly string[];
  /** A line each. */
  readonly problems: readonly string[];
}

/**
 * Looks whether a host that was installed below a directory, by whatever installer, has everything it starts with: a store in which nothing is
 * missing or damaged, a deployment with its state, and a boot entry that leads to it. Nothing is changed.
 *
 * @param boot where its boot partition is; the place below the root that has entries where absent
 * @throws SlipwayError REPOSITORY_INVALID where no host is; DISK_UNSUITABLE without a boot partition; IO_FAILED
 */
export async function checkInstalled(
  root: string,
  boot: string | undefined,
  options: OperationOptions = {},
): Promise<InstalledHost> {
  const layout = hostLayout(root);
  const repository = await openRepository(layout.composefs);
  const esp = boot ?? (await findBoot(root));
  try {
    const damage = await repository.fsck(options);
    const deployments = (await readdir(layout.deployments)).filter(isDeploymentId).toSorted();
    const problems = [
      ...damage.filter(({ repaired }) => !repaired).map(({ name, message }) => `${name}: ${message}`),
      ...(deployments.length === 0 ? [`${layout.deployments}: there is no deployment`] : []),
      ...(await Promise.all(deployments.map((id) => stateProblems(layout, id)))).flat(),
      ...(await bootProblems(esp, new Set(deployments))),
    ];
    return { isComplete: problems.length === 0, deployments, problems };
  } catch (cause) {
    if (cause instanceof SlipwayError) throw cause;
    throw new SlipwayError('IO_FAILED', `cannot look at the host in ${root}: ${messageOf(cause)}`, { cause });
  }
}

async function findBoot(root: string): Promise<string> {
  for (const place of BOOT_PLACES) {
    const path = join(root, place);
    const { entries, problems } = await readBootEntries(path);
    if (entries.length + problems.length > 0) return path;
  }
  throw new SlipwayError('DISK_UNSUITABLE', `cannot find the boot partition of the host in ${root}`, {
    hint: 'mount it at boot, efi or boot/efi below it, or say where it is: --boot DIR',
    details: { root },
  });
}

async function stateProblems(layout: HostLayout, id: string): Promise<readonly string[]> {
  const { etc, varLink, origin } = layout.deployment(id);
  const problems: string[] = [];
  if (!(await isDirectory(etc))) problems.push(`${etc}: it is missing`);
  if ((await targetOf(varLink)) !== VAR_LINK_TARGET)
    problems.push(`${varLink}: it does not lead to ${VAR_LINK_TARGET}`);
  try {
    parseOrigin(await readFile(origin, 'utf8'), origin);
  } catch (cause) {
    problems.push(`${origin}: ${messageOf(cause)}`);
  }
  return problems;
}

/** Entries that lead elsewhere are another system's. */
async function bootProblems(esp: string, deployments: ReadonlySet<string>): Promise<readonly string[]> {
  const { entries, problems } = await readBootEntries(esp);
  const own = entries.filter((each) => deployments.has(entryDeployment(each.entry) ?? ''));
  const missing = (
    await Promise.all(
      own.map(async ({ fileName, entry }) => {
        const files = ['linux', 'initrd'].map((key) => bootEntryValue(entry, key) ?? key);
        const there = await Promise.all(files.map((file) => isFile(join(esp, file))));
        return files.filter((_, index) => !there[index]).map((file) => `${fileName}: there is no ${file}`);
      }),
    )
  ).flat();
  return [
    ...problems.map(({ fileName, problem }) => `${fileName}: ${problem}`),
    ...(own.length === 0 ? [`${esp}: no boot entry starts a deployment of this host`] : []),
    ...missing,
  ];
}

async function isDirectory(path: string): Promise<boolean> {
  return (await kindOf(path))?.isDirectory() === true;
}

async function isFile(path: string): Promise<boolean> {
  return (await kindOf(path))?.isFile() === true;
}

async function kindOf(path: string): Promise<Awaited<ReturnType<typeof lstat>> | undefined> {
  try {
    return await lstat(path);
  } catch (cause) {
    if (errnoOf(cause) === 'ENOENT' || errnoOf(cause) === 'ENOTDIR') return undefined;
    throw cause;
  }
}

async function targetOf(path: string): Promise<string | undefined> {
  try {
    return await readlink(path);
  } catch (cause) {
    if (errnoOf(cause) === 'ENOENT' || errnoOf(cause) === 'EINVAL') return undefined;
    throw cause;
  }
}
