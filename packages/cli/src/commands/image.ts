import { formatBytes, SlipwayError } from '@slipway/core';
import {
  buildDisks,
  type ConfigFile,
  type DiskRecord,
  type DiskType,
  type InstallerFile,
  isDiskFormat,
  kickstartConfig,
  loadConfig,
  loadInstallerConfig,
  loadInstallerKickstart,
  type Payload,
  type RootFileSystem,
} from '@slipway/install';
import { expandReference, parseReference } from '@slipway/oci';
import type { CommandContext } from '../command/spec.ts';
import { emit } from '../output/emit.ts';
import { cachePaths, diskRecordDirectory } from '../own-files.ts';
import { machineArchitecture } from './architecture.ts';

interface ImageInput {
  readonly image: string;
  readonly type: readonly DiskType[];
  readonly output: string;
  readonly size: number | undefined;
  readonly rootfs: RootFileSystem | undefined;
  readonly targetImgref: string | undefined;
  readonly config: string | undefined;
  readonly kickstart: string | undefined;
  readonly payload: readonly string[];
  readonly zstd: boolean;
  readonly noChecksums: boolean;
  readonly karg: readonly string[];
  readonly signaturePolicy: string | undefined;
  readonly arch: 'amd64' | 'arm64' | undefined;
  readonly cache: string | undefined;
  readonly json: boolean;
}

/** `slipway image IMAGE`. */
export async function image(input: ImageInput, context: CommandContext): Promise<number> {
  if (input.zstd && !input.type.includes('raw')) {
    throw new SlipwayError('USAGE', 'cannot pack a raw disk: none is asked for', {
      hint: 'add --type raw, or leave --zstd out; most other formats are packed anyway',
    });
  }
  if (input.payload.length > 0 && input.type.every(isDiskFormat)) {
    throw new SlipwayError('USAGE', 'cannot put further payloads on a disk: only media carry several', {
      hint: 'add --type iso or pxe, or leave --payload out',
    });
  }
  const hasDisk = input.type.some(isDiskFormat);
  if (input.rootfs !== undefined && !hasDisk) {
    throw new SlipwayError('USAGE', 'cannot choose the root of a host: no disk is asked for', {
      hint: 'a medium carries what --config or --kickstart says of the root; add a disk such as --type raw, or leave --rootfs out',
    });
  }
  // A medium carries the file as it is; an installer does what no disk image can have, such as LUKS and RAID.
  const config = hasDisk ? await configOf(input, context) : undefined;
  const installer = input.type.every(isDiskFormat) ? undefined : await installerOf(input, context);
  const record = await buildDisks(
    {
      image: await expandReference(input.image, context.operation),
      architecture: input.arch ?? machineArchitecture(),
      types: input.type,
      outputDirectory: input.output,
      kernelArguments: input.karg,
      checksums: !input.noChecksums,
      zstd: input.zstd,
      recordDirectory: diskRecordDirectory(process.env, input.cache),
      signaturePolicy: input.signaturePolicy,
      rootFileSystem: input.rootfs,
      ...cachePaths(process.env, input.cache),
      ...(input.payload.length === 0 ? {} : { payloads: await payloadsOf(input, context) }),
      ...(input.targetImgref === undefined ? {} : { target: parseReference(input.targetImgref) }),
      ...(config === undefined ? {} : { config }),
      ...(installer === undefined ? {} : { installer }),
      ...(input.size === undefined ? {} : { diskSizeBytes: input.size }),
    },
    context.operation,
  );
  emit(context, input, record, diskWords);
  return 0;
}

async function payloadsOf(
  { payload }: ImageInput,
  { operation }: CommandContext,
): Promise<readonly Payload[]> {
  const payloads: Payload[] = [];
  for (const text of payload) {
    const [, name = '', reference = ''] = /^([^=:/]*)=(.+)$/.exec(text) ?? [];
    if (name === '') {
      throw new SlipwayError('USAGE', `cannot use the payload ${text}: it has no name`, {
        hint: 'give it one it is chosen by: --payload edge=registry.example/edge:1',
      });
    }
    payloads.push({ name, image: await expandReference(reference, operation) });
  }
  return payloads;
}

async function configOf(
  { config, kickstart }: ImageInput,
  context: CommandContext,
): Promise<ConfigFile | undefined> {
  if (config !== undefined) return await loadConfig(config, 'disk');
  return kickstart === undefined ? undefined : await kickstartConfig(kickstart, false, context.operation);
}

async function installerOf(
  { config, kickstart }: ImageInput,
  context: CommandContext,
): Promise<InstallerFile | undefined> {
  if (config !== undefined) return await loadInstallerConfig(config);
  return kickstart === undefined ? undefined : await loadInstallerKickstart(kickstart, context.operation);
}

function diskWords({ disks, firmware, root }: DiskRecord): readonly string[] {
  const boots = firmware.includes('bios') ? 'boots on UEFI and BIOS' : 'boots on UEFI only';
  const unsealed = root?.sealed === false ? `, its root ${root.fileSystem} and not sealed` : '';
  return disks.map(
    (disk) =>
      `${disk.path}  ${disk.type}, ${formatBytes(disk.diskSizeBytes)}, ${boots}${isDiskFormat(disk.type) ? unsealed : ''}`,
  );
}
