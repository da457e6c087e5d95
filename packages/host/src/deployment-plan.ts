/** The next deployment as data: what boots it, where it came from, what the boot menu calls it. */
import {
  bootEntryOptions,
  composefsArgument,
  formatKernelCommandLine,
  type KernelCommandLine,
  type KernelPair,
  mergeImageArguments,
  parseKernelCommandLine,
  withComposefs,
  withoutGrubArguments,
} from '@slipway/boot';
import {
  type DirectoryNode,
  fileSize,
  findKernel,
  type ImageKernel,
  type ImportedImage,
  type RegularNode,
  type Repository,
  readFile,
} from '@slipway/composefs';
import type { ImageConfig } from '@slipway/oci';
import { type HostState, nextEntryOf } from './deployment.ts';
import { deploymentTitle, type FileReader, imagePrettyName } from './image-file.ts';
import { imageKernelArguments } from './image-kargs.ts';
import type { ImageSpec } from './image-spec.ts';
import { localKernelArguments, recordedLocalArguments } from './local-kargs.ts';
import type { Origin } from './origin.ts';
import { imageRootSetup } from './root-setup.ts';
import type { HostSystem } from './system.ts';
import type { DeploymentTrust } from './trust.ts';

/** What staging will write. */
export interface StagedPlan {
  readonly id: string;
  readonly title: string;
  /** The kernel command line. */
  readonly options: string;
  /** Those of its arguments that are this machine's own. */
  readonly localArguments: KernelCommandLine;
  readonly kernel: KernelPair;
  /** `bootDigest` is filled in when the kernel is placed. */
  readonly origin: Origin;
}

/** What a plan is made from. */
export interface DeploymentInputs {
  readonly system: HostSystem;
  readonly state: HostState;
  readonly repository: Repository;
  readonly imported: ImportedImage;
  /** Root of the booted deployment's image. */
  readonly base: DirectoryNode;
  readonly kernel: ImageKernel;
  readonly id: string;
  readonly spec: ImageSpec;
  readonly trust: DeploymentTrust;
}

/** Decides how the next deployment boots: the booted one's command line, with the images' difference and this machine's applied. */
export async function planDeployment(inputs: DeploymentInputs): Promise<StagedPlan> {
  const { repository, imported, kernel, id } = inputs;
  const read: FileReader = (node) => readFile(repository, node);
  const origin = { ...originOf(imported, inputs.spec), trust: inputs.trust };
  await imageRootSetup(imported.tree, read);
  const localArguments = await localKernelArguments(inputs.system);
  return {
    id,
    title: deploymentTitle(await imagePrettyName(imported.tree, read), origin.version, id),
    options: formatKernelCommandLine(await nextCommandLine(inputs, localArguments, read)),
    localArguments,
    kernel: { ...kernelPair(kernel, read), ...knownDigest(inputs) },
    origin,
  };
}

/** That of the booted deployment where both have the same kernel and initramfs: 40 MB that need not be hashed to know it. */
function knownDigest({ state, base, kernel }: DeploymentInputs): Pick<KernelPair, 'digest'> {
  const digest = state.booted.origin?.bootDigest;
  if (digest === undefined) return {};
  const booted = findKernel(base);
  const isSame =
    isSameObject(booted.vmlinuz, kernel.vmlinuz) && isSameObject(booted.initramfs, kernel.initramfs);
  return isSame ? { digest } : {};
}

function isSameObject(a: RegularNode, b: RegularNode): boolean {
  const [one, other] = [a.content, b.content];
  if (one.kind !== 'object' || other.kind !== 'object') return false;
  if (one.digest === undefined || other.digest === undefined) return false;
  return Buffer.compare(one.digest, other.digest) === 0;
}

/** Kernel and initramfs of an image as files that can be read. */
export function kernelPair({ vmlinuz, initramfs }: ImageKernel, read: FileReader): KernelPair {
  return {
    linux: { sizeBytes: fileSize(vmlinuz), open: () => read(vmlinuz) },
    initrd: { sizeBytes: fileSize(initramfs), open: () => read(initramfs) },
  };
}

/** The origin of a deployment of an image; without `bootDigest`, which is known once the kernel is read. */
export function originOf(
  image: { readonly manifestDigest: string; readonly config: ImageConfig },
  spec: ImageSpec,
): Origin {
  const { labels, created, architecture } = image.config;
  return {
    image: spec,
    bootType: 'bls',
    bootDigest: undefined,
    manifestDigest: image.manifestDigest,
    version: labels['org.opencontainers.image.version'],
    timestamp: created,
    architecture,
  };
}

async function nextCommandLine(
  { system, state, imported, base, id }: DeploymentInputs,
  local: KernelCommandLine,
  read: FileReader,
): Promise<KernelCommandLine> {
  const { architecture } = system;
  const from = {
    image: await imageKernelArguments(base, architecture, read),
    local: await recordedLocalArguments(system, state.booted.id),
  };
  const to = { image: await imageKernelArguments(imported.tree, architecture, read), local };
  return commandLineAfter(await currentCommandLine(system, state), from, to, id);
}

/** What of a kernel command line is an image's and what this machine's. */
export interface ArgumentSources {
  readonly image: KernelCommandLine;
  readonly local: KernelCommandLine;
}

/** A command line of one deployment as another would have it: with what differs between the two applied. */
export function commandLineAfter(
  line: KernelCommandLine,
  from: ArgumentSources,
  to: ArgumentSources,
  id: string,
): KernelCommandLine {
  const verityRequired = composefsArgument(line)?.verityRequired ?? true;
  const merged = mergeImageArguments(line, from.image, to.image);
  return withComposefs(mergeImageArguments(merged, from.local, to.local), { id, verityRequired });
}

/** What the entry says that starts the booted deployment next; what the kernel was given where there is none. */
async function currentCommandLine(system: HostSystem, state: HostState): Promise<KernelCommandLine> {
  const entry = nextEntryOf(state, state.booted.id)?.entry;
  if (entry !== undefined) return parseKernelCommandLine(bootEntryOptions(entry));
  return await givenCommandLine(system);
}

/** What the kernel that runs was given, without what boot loaders add, which nobody wants kept. */
export async function givenCommandLine(system: HostSystem): Promise<KernelCommandLine> {
  const given = parseKernelCommandLine(await system.commandLine());
  return withoutGrubArguments(given).filter(({ key }) => key !== 'initrd' && key !== 'BOOT_IMAGE');
}
