import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { makeTempDir, messageOf, type OperationOptions, operation, SlipwayError } from '@slipway/core';
import { minimumExt4Bytes } from '@slipway/disk';
import { formatReference, openImage } from '@slipway/oci';
import { partitionPath } from '../block/block-device.ts';
import { ownKernelArguments } from '../check-request.ts';
import { type DiskPlan, espSizeBytes, planDisk, rootTreeOf } from '../disk-plan.ts';
import { findImage, type PreparedHost, prepareHost } from '../prepare-host.ts';
import { executeSteps } from './execute.ts';
import { requireStorage } from './image-storage.ts';
import { findDisks, type InstallDisks } from './install-disks.ts';
import type { LayerPlan, LayerRequest } from './layer-plan.ts';
import { layersOf } from './layers.ts';
import { planLayers } from './plan-layers.ts';
import { planPlain, wipeSteps } from './plan-plain.ts';
import type { DiskInstallRequest, InstallRequest } from './request.ts';
import type { InstallStep } from './step.ts';
import type { InstallTarget } from './target.ts';
import { withScripts } from './with-scripts.ts';

const MIB = 1024 ** 2;

/** What an installation did, or would do. */
export interface InstallRecord {
  readonly image: string;
  readonly target: string;
  readonly manifestDigest: string;
  readonly version: string | undefined;
  readonly deployment: string;
  readonly kernel: string;
  readonly kernelCommandLine: string;
  /** The disk or directory. */
  readonly destination: string;
  readonly steps: readonly InstallStep[];
  /** Whether the steps were done. */
  readonly done: boolean;
  /** Keys that open encrypted volumes when nothing else does, by device; shown once and kept nowhere. */
  readonly recoveryKeys: Readonly<Record<string, string>>;
}

/** An installation of which everything is decided. */
interface Plan {
  readonly host: PreparedHost;
  readonly steps: readonly InstallStep[];
  readonly disk: DiskPlan | undefined;
  readonly isSealed: boolean;
  readonly passphrases: ReadonlyMap<string, string>;
}

/**
 * Installs an image to a disk: look at the disk, fetch the image, plan, look again, do it.
 *
 * Until the last step begins nothing of the disk is touched, and everything that can be refused has been. A power cut after that
 * leaves a disk that does not boot and can be installed to again.
 *
 * @throws SlipwayError DISK_NOT_FOUND, DISK_UNSUITABLE, DISK_IN_USE, DISK_NOT_EMPTY, DISK_TOO_SMALL, TARGET_UNREACHABLE,
 *   IMAGE_LACKS_STORAGE, what {@link prepareHost} throws; IO_FAILED, TOOL_MISSING and TOOL_FAILED while it is done
 */
export async function installToDisk(
  request: DiskInstallRequest,
  { dryRun, ...options }: OperationOptions & { readonly dryRun: boolean },
): Promise<InstallRecord> {
  ownKernelArguments(request);
  const disks = await findDisks(request, options);
  const [target] = disks.targets;
  const identity = request.identity ?? randomUUID();
  await using stack = new AsyncDisposableStack();
  const plan =
    disks.targets.length === 1 && layersOf(request).length === 0
      ? await planWhole({ ...request, identity }, target, stack, options)
      : await planLayered({ ...request, identity }, disks, stack, options);
  const recoveryKeys = new Map<string, string>();
  if (!dryRun) {
    // Fetching an image takes minutes, in which somebody may have mounted a disk.
    await findDisks(request, options);
    await execute(plan, request, recoveryKeys, options);
  }
  return recordOf(request, plan.host, {
    destination: target.path,
    steps: plan.steps,
    done: !dryRun,
    recoveryKeys,
  });
}

/** A disk that only has file systems in partitions. */
async function planWhole(
  request: DiskInstallRequest,
  target: InstallTarget,
  stack: AsyncDisposableStack,
  options: OperationOptions,
): Promise<Plan> {
  const host = stack.use(await fetchHost(request, options));
  // A root of a given size is not grown by the host: it is as large as it will be.
  const growsLater = target.kind === 'device' && request.rootSizeBytes === undefined;
  const sizing = { ...request, types: [], diskSizeBytes: target.sizeBytes, growsLater };
  const disk = planDisk(host.repository, host.imported, host.deployment, sizing, host.setup);
  const steps = withScripts(planPlain(target, disk, host.setup.storage), request.scripts ?? [], {
    mounts: target.kind === 'device' ? wholeMounts(target.path, disk, host) : undefined,
    deployment: host.deployment.id,
  });
  return { host, steps, disk, isSealed: true, passphrases: new Map() };
}

/** A disk with anything other programs make. */
async function planLayered(
  request: DiskInstallRequest & { readonly identity: string },
  { targets, customizations }: InstallDisks,
  stack: AsyncDisposableStack,
  options: OperationOptions,
): Promise<Plan> {
  const [target] = targets;
  if (target.kind === 'file') {
    throw new SlipwayError(
      'DISK_UNSUITABLE',
      `cannot install to ${target.path}: only a block device can have the storage that is asked for`,
      {
        findings: layersOf(request),
        hint: 'attach the file: losetup --find --show --partscan FILE, and install to the loop device',
      },
    );
  }
  const layers: LayerRequest = {
    disks: targets,
    customizations,
    rootFileSystem: request.rootFileSystem,
    blockSetup: request.blockSetup,
    rootSizeBytes: request.rootSizeBytes,
    architecture: request.architecture,
    seed: request.identity,
  };
  // The command line and the tables of the host name what will be made; how large it becomes depends on the image.
  const { root } = planLayers(layers, { espBytes: MIB, rootLeastBytes: 0, hasGrub: false });
  const host = stack.use(await fetchHost({ ...request, root }, options));
  const plan = planLayers(layers, {
    espBytes: espSizeBytes(host.deployment),
    rootLeastBytes: rootLeastBytes(host),
    hasGrub: host.deployment.grub !== undefined,
  });
  await requireStorage(host, plan.needs);
  // A disk that was named and gets nothing keeps what it has.
  const used = new Set(plan.steps.map((step) => (step.kind === 'write-table' ? step.path : undefined)));
  const wiped = targets.filter(({ path }) => used.has(path)).flatMap(wipeSteps);
  const made = [...wiped, ...plan.steps, ...hostSteps(plan, host)];
  const steps = withScripts(made, request.scripts ?? [], { mounts: [], deployment: host.deployment.id });
  return { host, steps, disk: undefined, isSealed: plan.root.isSealed, passphrases: plan.passphrases };
}

/** Mounts the partitions of a disk that was written whole, for scripts. */
function wholeMounts(path: string, disk: DiskPlan, { setup }: PreparedHost): readonly InstallStep[] {
  const mounts = disk.layout.partitions.flatMap(
    ({ uuid, number }): readonly (InstallStep & { readonly kind: 'mount' })[] => {
      const extra = setup.storage.extras.find((each) => each.uuid === uuid);
      const isRoot = uuid === disk.rootPartitionUuid;
      const at = isRoot ? '' : varPath(setup.mounts.get(uuid));
      if (at === undefined) return [];
      const fileSystem = isRoot ? 'ext4' : (extra?.fileSystem ?? 'ext4');
      return [
        {
          kind: 'mount',
          device: partitionPath(path, number),
          fileSystem,
          options: undefined,
          tree: 'root',
          at,
        },
      ];
    },
  );
  return mounts.toSorted((a, b) => a.at.length - b.at.length);
}

/** What a file system needs for the root of a host. */
export function rootLeastBytes({ repository, imported, deployment, setup }: PreparedHost): number {
  return minimumExt4Bytes(
    rootTreeOf(repository, imported, deployment, { ...setup, mounts: new Map() }, new Map()),
  );
}

/** Mounts what was made, outermost first, and fills it. */
function hostSteps({ volumes, esps, root }: LayerPlan, { setup }: PreparedHost): readonly InstallStep[] {
  const mounts = volumes.flatMap((volume): readonly (InstallStep & { readonly kind: 'mount' })[] => {
    const { device, fileSystem, options, mountpoint } = volume;
    if (mountpoint === undefined) return [];
    const extra = root.storage.extras.find(
      (each) => each.fileSystemUuid === volume.uuid && each.mountpoint === mountpoint,
    );
    const real = mountpoint === '/' ? '' : varPath(setup.mounts.get(extra?.uuid ?? ''));
    // The host mounts the others when it starts; nothing of the image goes there.
    return real === undefined ? [] : [{ kind: 'mount', device, fileSystem, options, tree: 'root', at: real }];
  });
  const ordered = mounts.toSorted((a, b) => a.at.length - b.at.length);
  const [esp, ...copies] = esps;
  const vfat = { kind: 'mount', fileSystem: 'vfat', options: undefined } as const;
  const numbered = copies.map((device, index) => ({ device, at: String(index + 1) }));
  return [
    ...ordered,
    { ...vfat, device: esp, tree: 'boot', at: '' },
    ...numbered.map((each) => ({ ...vfat, ...each, tree: 'boot-copies' }) as const),
    {
      kind: 'write-host',
      root: 'root',
      boot: 'boot',
      bootCopies: numbered.map(({ at }) => join('boot-copies', at)),
    },
    { kind: 'release' },
  ];
}

/** Where a directory of the host's `/var` is on its physical root. */
function varPath(path: string | undefined): string | undefined {
  return path?.startsWith('/var/') === true ? `state/os/default${path}` : undefined;
}

async function execute(
  { host, steps, disk, isSealed, passphrases }: Plan,
  { architecture, scripts = [] }: DiskInstallRequest,
  recoveryKeys: Map<string, string>,
  options: OperationOptions,
): Promise<void> {
  await using directory = await makeTempDir('install');
  await using opened = new AsyncDisposableStack();
  const { path } = directory;
  const own = {
    host,
    architecture,
    disk,
    isSealed,
    directory: path,
    passphrases,
    recoveryKeys,
    opened,
    scripts,
  };
  await executeSteps(steps, { ...own, operation: operation(options) });
}

/**
 * Fetches the image of a request, and asks whether the host will find what it is to follow.
 *
 * @throws SlipwayError TARGET_UNREACHABLE, and what {@link prepareHost} throws
 */
export async function fetchHost(request: InstallRequest, options: OperationOptions): Promise<PreparedHost> {
  await using source = openImage(request.image);
  const found = await findImage(source, request, options);
  await checkTarget(request, options);
  return await prepareHost(source, found, request, options);
}

export async function checkTarget(
  { image, target, checksTarget, architecture }: InstallRequest,
  options: OperationOptions,
): Promise<void> {
  const name = formatReference(target);
  if (!checksTarget || name === formatReference(image)) return;
  try {
    await using source = openImage(target);
    await source.resolve(architecture, options);
  } catch (cause) {
    throw new SlipwayError(
      'TARGET_UNREACHABLE',
      `cannot reach ${name}, which the host would get its updates from: ${messageOf(cause)}`,
      {
        hint: 'if it will be reachable from the host, give --skip-fetch-check',
        details: { target: name },
        cause,
      },
    );
  }
}

/** What is said about an installation afterwards. */
export function recordOf(
  request: InstallRequest,
  { imported, deployment }: PreparedHost,
  what: {
    readonly destination: string;
    readonly steps: readonly InstallStep[];
    readonly done: boolean;
    readonly recoveryKeys: ReadonlyMap<string, string>;
  },
): InstallRecord {
  return {
    image: formatReference(request.image),
    target: formatReference(request.target),
    manifestDigest: imported.manifestDigest,
    version: deployment.version,
    deployment: deployment.id,
    kernel: deployment.kernelVersion,
    kernelCommandLine: deployment.commandLine,
    destination: what.destination,
    steps: what.steps,
    done: what.done,
    recoveryKeys: Object.fromEntries(what.recoveryKeys),
  };
}
