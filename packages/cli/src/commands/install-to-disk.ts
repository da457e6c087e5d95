import { run, SlipwayError } from '@slipway/core';
import {
  type BlockSetup,
  type InstallRecord,
  installConfiguration,
  installToDisk,
  isSelected,
  type KickstartPlan,
  kickstartDisk,
  loadConfig,
  mayErase,
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
  const device = await deviceOf(input, plan, context);
  const request = await installRequest(input, await fileOf(input, plan), context.operation, {
    keepsRootSize: input.rootSize !== undefined,
  });
  const defaults = await installConfiguration('/', request.architecture);
  return await installToDisk(
    {
      ...request,
      device,
      isFile: input.viaLoopback,
      mayWipe: input.wipe || (plan !== undefined && mayErase(plan.disks, device)),
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

async function deviceOf(
  { device, viaLoopback }: InstallToDiskInput,
  plan: KickstartPlan | undefined,
  context: CommandContext,
): Promise<string> {
  if (device === undefined) {
    if (plan !== undefined) return await kickstartDisk(plan.disks, context.operation);
    throw new SlipwayError('USAGE', 'cannot tell which disk to install to', {
      hint: 'name it: slipway install to-disk /dev/vda',
    });
  }
  if (plan !== undefined && !viaLoopback && !isSelected(plan.disks, device)) {
    throw new SlipwayError(
      'USAGE',
      `cannot install to ${device}: the kickstart file does not let an installer use it`,
      {
        hint: 'change ignoredisk, or leave DEVICE out to take the disk the file means',
      },
    );
  }
  return device;
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
