import {
  bootDigest,
  type KernelCommandLine,
  kernelArgument,
  parseKernelCommandLine,
  removeKernelArgument,
  withComposefs,
} from '@slipway/boot';
import {
  createBootImage,
  fileSize,
  findKernel,
  type ImportedImage,
  type RegularNode,
  type Repository,
  readFile,
} from '@slipway/composefs';
import type { OperationOptions } from '@slipway/core';
import { deriveUuid } from '@slipway/disk';
import {
  type DeploymentTrust,
  deploymentTitle,
  type FileReader,
  firstCommandLine,
  formatOrigin,
  historyLine,
  imageKernelArguments,
  imagePrettyName,
  imageRootSetup,
  imageSpecOf,
} from '@slipway/host';
import { formatReference, type Reference } from '@slipway/oci';
import { ownKernelArguments } from './check-request.ts';
import { findLoader } from './esp-tree.ts';
import { findGrub, type GrubLoader } from './grub-loader.ts';
import type { HostRequest, RootFileSystem, RootPlace } from './request.ts';
import { canCarrySeals, rootFileSystemOf } from './root-volume/choose.ts';

/** The deployment a disk is made with: everything a host will know of itself at its first boot. */
export interface FirstDeployment {
  readonly id: string;
  /** What UUIDs of the disk grow from. */
  readonly seed: string;
  readonly kernelVersion: string;
  readonly linux: RegularNode;
  readonly initrd: RegularNode;
  readonly loader: RegularNode;
  /** Undefined: the disk boots on UEFI alone. */
  readonly grub: GrubLoader | undefined;
  readonly title: string;
  readonly commandLine: string;
  readonly origin: string;
  readonly history: string;
  readonly version: string | undefined;
  readonly target: Reference;
  readonly rootUuid: string;
  /** Undefined where the root was made by somebody else. */
  readonly rootFileSystem: RootFileSystem | undefined;
  /** Time of everything the image gives no time, seconds since 1970: the image's own. */
  readonly timeSec: number;
}

const VERSION_LABEL = 'org.opencontainers.image.version';

/**
 * Makes the boot image and works out what goes around it. Everything that can be wrong with the image shows here, before
 * a byte of a disk is written.
 *
 * @throws SlipwayError IMAGE_NO_KERNEL, IMAGE_MANY_KERNELS, IMAGE_NO_INITRAMFS, IMAGE_NOT_BOOTABLE, GRUB_INVALID,
 *   KERNEL_ARGUMENT_INVALID, CONFIG_INVALID
 */
export async function firstDeployment(
  repository: Repository,
  imported: ImportedImage,
  request: HostRequest & { readonly trust: DeploymentTrust | undefined },
  options: OperationOptions,
): Promise<FirstDeployment> {
  const { tree, config, manifestDigest } = imported;
  const read: FileReader = (node) => readFile(repository, node);
  const target = request.target ?? request.image;

  const kernel = findKernel(tree);
  const loader = findLoader(tree, request.architecture);
  const grub = await findGrub(tree, read, request.architecture);
  await imageRootSetup(tree, read);
  const imageArguments = await imageKernelArguments(tree, request.architecture, read);
  const rootFileSystem =
    request.root === undefined ? await rootFileSystemOf(request, tree, read, options) : undefined;
  const { id } = await createBootImage(repository, imported, options);

  const seed = request.identity ?? id;
  const rootUuid = deriveUuid(seed, 'root file system');
  const version = config.labels[VERSION_LABEL];
  const timeSec = secondsOf(config.created);
  return {
    id,
    seed,
    kernelVersion: kernel.version,
    linux: kernel.vmlinuz,
    initrd: kernel.initramfs,
    loader,
    grub,
    title: deploymentTitle(await imagePrettyName(tree, read), version, id),
    commandLine: firstCommandLine(
      rootArguments(request.root ?? ownRoot(rootUuid, rootFileSystem), id),
      keptArguments(imageArguments, request.removedKernelArguments ?? []),
      ownKernelArguments(request),
    ),
    origin: formatOrigin({
      image: imageSpecOf(target),
      bootType: 'bls',
      bootDigest: await bootDigest({
        linux: { sizeBytes: fileSize(kernel.vmlinuz), open: () => read(kernel.vmlinuz) },
        initrd: { sizeBytes: fileSize(kernel.initramfs), open: () => read(kernel.initramfs) },
      }),
      manifestDigest,
      version,
      timestamp: config.created,
      architecture: config.architecture,
      trust: request.trust,
    }),
    history: historyLine(
      { event: 'installed', deployment: id, image: formatReference(target), version, manifestDigest },
      { nowMs: () => timeSec * 1000 },
    ),
    version,
    target,
    rootUuid,
    rootFileSystem,
    timeSec,
  };
}

function ownRoot(
  uuid: string,
  fileSystem: RootFileSystem = 'ext4',
): Pick<RootPlace, 'kernelArguments' | 'isSealed'> {
  return { kernelArguments: `root=UUID=${uuid} rw`, isSealed: canCarrySeals(fileSystem) };
}

function rootArguments(
  { kernelArguments, isSealed }: Pick<RootPlace, 'kernelArguments' | 'isSealed'>,
  id: string,
): KernelCommandLine {
  return withComposefs(parseKernelCommandLine(kernelArguments), { id, verityRequired: isSealed });
}

/** What of an image's arguments goes on the command line. */
function keptArguments(line: KernelCommandLine, removed: readonly string[]): KernelCommandLine {
  const unwanted = removed.map(kernelArgument);
  // Of composefs= the last one would win, and an image cannot know its own digest.
  return removeKernelArgument(line, 'composefs').filter(
    ({ key, value }) =>
      !unwanted.some((each) => each.key === key && (each.value === undefined || each.value === value)),
  );
}

function secondsOf(created: string | undefined): number {
  const ms = Date.parse(created ?? '');
  return Number.isFinite(ms) && ms > 0 ? Math.floor(ms / 1000) : 0;
}
