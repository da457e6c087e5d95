import { run, SlipwayError } from '@slipway/core';
import {
  type BlockSetup,
  configuredSelection,
  type DiskSelection,
  type InstallRecord,
  installConfiguration,
  installToDisk,
  type KickstartPlan,
  loadConfig,
  meantDisk,
  namedDisks,
  planWords,
  type RootFileSystem,
  readyKickstart,
  runErrorScripts,
} from '@slipway/install';
import type { CommandContext } from '../command/spec.ts';
import { emit } from '../output/emit.ts';
import { type InstallFile, type InstallOptions, installRequest } from './install-options.ts';

interface InstallToDiskInput extends InstallOptions {
  readonly device: string | undefined;
  readonly config: string | undefined;
  readonly kickstart: string | undefined;
  readonly wipe: boolean;
  readonly viaLoopback: boolean;
  readonly blockSetup: BlockSetup | undefined;
  readonly filesystem: RootFileSystem | undefined;
  readonly rootSize: number | undefined;
  readonly dryRun: boolean;
  readonly noReboot: boolean;
}

/** `slipway install to-disk [DEVICE]`. */
export async function installToDiskCommand(
  input: InstallToDiskInput,
  context: CommandContext,
): Promise<number> {
  const plan =
    input.kickstart === undefined
      ? undefined
      : await readyKickstart(input.kickstart, { ...context.operation, runsScripts: !input.dryRun });
  try {
    const record = await install(input, plan, context);
    emit(context, input, record, installWords);
  } catch (error) {
    if (plan !== undefined && !input.dryRun) await runErrorScripts(plan, context.operation);
    throw error;
  }
  if (plan !== undefined && !input.dryRun && !input.noReboot) await finish(plan, context);
  return 0;
}

async function install(
  input: InstallToDiskInput,
  plan: KickstartPlan | undefined,
  context: CommandContext,
): Promise<InstallRecord> {
  const file = await fileOf(input, plan);
  const selection = selectionOf(file, plan);
  const device = await deviceOf(input, file, selection, context);
  const request = await installRequest(input, file, context.operation, {
    keepsRootSize: input.rootSize !== undefined,
  });
  const defaults = await installConfiguration('/', request.architecture);
  return await installToDisk(
    {
      ...request,
      device,
      isFile: input.viaLoopback,
      mayWipe: input.wipe,
      selection,
      kernelArguments: [...(defaults.kargs ?? []), ...request.kernelArguments],
      removedKernelArguments: [
        ...(defaults['karg-deletes'] ?? []),
        ...(request.removedKernelArguments ?? []),
      ],
      rootFileSystem: input.filesystem ?? defaults.filesystem?.root?.type ?? 'ext4',
      blockSetup: input.blockSetup ?? defaults.block?.[0] ?? 'direct',
      ...(plan === undefined ? {} : { scripts: plan.scripts }),
      ...(input.rootSize === undefined ? {} : { rootSizeBytes: input.rootSize }),
    },
    { ...context.operation, dryRun: input.dryRun },
  );
}

/** Which disks a file lets an installer use; undefined where it says nothing of them. */
function selectionOf({ config }: InstallFile, plan: KickstartPlan | undefined): DiskSelection | undefined {
  if (plan !== undefined) return plan.disks;
  const disk = config?.config.customizations?.disk;
  return disk?.drives === undefined && disk?.wipe === undefined ? undefined : configuredSelection(disk);
}

async function deviceOf(
  { device, kickstart }: InstallToDiskInput,
  { config }: InstallFile,
  selection: DiskSelection | undefined,
  context: CommandContext,
): Promise<string> {
  if (device !== undefined) return device;
  const customizations = config?.config.customizations ?? {};
  const named = namedDisks(customizations);
  // A configuration that says nothing of disks means none: whoever starts the command does.
  if (kickstart !== undefined || customizations.disk?.drives !== undefined || named.length > 0)
    return await meantDisk(selection ?? configuredSelection({}), named, context.operation);
  throw new SlipwayError('USAGE', 'cannot tell which disk to install to', {
    hint: 'name it: slipway install to-disk /dev/vda',
  });
}

async function fileOf({ config }: InstallToDiskInput, plan: KickstartPlan | undefined): Promise<InstallFile> {
  if (plan !== undefined)
    return { config: plan.config, source: plan.image?.source, target: plan.image?.target };
  const loaded = config === undefined ? undefined : await loadConfig(config, 'installer');
  return { config: loaded, source: undefined, target: undefined };
}

/** How a kickstart file ends: only what it says itself, and a machine that halts is one that waits for somebody. */
async function finish({ finish: how }: KickstartPlan, { operation }: CommandContext): Promise<void> {
  if (how === 'halt') return;
  await run(['systemctl', how], { describe: how === 'reboot' ? 'restart' : 'switch off', ...operation });
}

/** What was done, or would be, for people. */
export function installWords(record: InstallRecord): readonly string[] {
  const { image, version, deployment, destination, target, kernelCommandLine, steps, done, recoveryKeys } =
    record;
  const named = version === undefined ? image : `${image} (${version})`;
  if (!done)
    return [`${named} to ${destination}:`, ...planWords(steps), 'nothing was done: this is a dry run'];
  return [
    `${destination}: ${named} is installed`,
    `  deployment      ${deployment}`,
    `  updates from    ${target}`,
    `  kernel command  ${kernelCommandLine}`,
    ...Object.entries(recoveryKeys).map(
      ([device, key]) => `  recovery key    ${key}  (${device}; write it down, it is kept nowhere)`,
    ),
  ];
}
