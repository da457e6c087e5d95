import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { bootEntryOptions, composefsArgument, parseKernelCommandLine } from '@slipway/boot';
import { openRepository, type Repository, readErofs, readFile as readObject } from '@slipway/composefs';
import { errnoOf, type OperationOptions, operation, SlipwayError } from '@slipway/core';
import type { DiskDirectory, DiskNode } from '@slipway/disk';
import {
  formatOrigin,
  type HostState,
  type HostSystem,
  kernelPair,
  nextEntryOf,
  resetHost,
} from '@slipway/host';
import { formatReference, openImage } from '@slipway/oci';
import { listBlockDevices } from '../block/list-devices.ts';
import { ownKernelArguments } from '../check-request.ts';
import { rootTreeOf } from '../disk-plan.ts';
import { planHostSetup } from '../host-setup.ts';
import { findImage, type PreparedHost, prepareHostIn } from '../prepare-host.ts';
import { rootTree } from '../root-tree.ts';
import { PLAIN_STORAGE } from '../storage/request.ts';
import type { SystemEdit } from '../system/draft.ts';
import { type ExistingRoot, existingRoot } from './existing-root.ts';
import { mountedAt } from './found-filesystem.ts';
import { requireStorage } from './image-storage.ts';
import { checkTarget } from './install-to-disk.ts';
import { refuseStorage } from './install-to-filesystem.ts';
import type { ResetRequest } from './request.ts';
import { writeTree } from './write-tree.ts';

/** What of `/etc` describes the disks of a machine and not its settings: it stays. */
export const KEPT_FILES: readonly string[] = ['/etc/crypttab', '/etc/fstab'];

/** What a reset did, or would do. */
export interface ResetRecord {
  readonly image: string;
  readonly target: string;
  readonly manifestDigest: string;
  readonly version: string | undefined;
  readonly deployment: string;
  readonly kernel: string;
  readonly kernelCommandLine: string;
  /** Where the state that is left is afterwards. */
  readonly keptState: string;
  /** Files of the present `/etc` that the new one has, too. */
  readonly keptFiles: readonly string[];
  /** Deployments that cannot be booted any more. */
  readonly removed: readonly string[];
  /** Whether it was done. */
  readonly done: boolean;
}

/**
 * Gives a host that runs a new `/etc` and a new `/var` from an image, as an installation would, with the next start. What it has now is
 * kept beside them.
 *
 * @throws SlipwayError NOT_A_SLIPWAY_HOST, NOT_ROOT, HOST_LOCKED, DISK_UNSUITABLE, IMAGE_LACKS_STORAGE, TARGET_UNREACHABLE, CONFIG_INVALID,
 *   what preparing a host and {@link resetHost} throw
 */
export async function installReset(
  system: HostSystem,
  request: ResetRequest,
  options: OperationOptions & { readonly dryRun: boolean },
): Promise<ResetRecord> {
  ownKernelArguments(request);
  refuseStorage({ ...request, path: system.layout.sysroot });
  return await resetTo(system, request, () => presentRoot(system, request, options), options);
}

/** The same where how the root is found is known. */
export async function resetTo(
  system: HostSystem,
  request: ResetRequest,
  findRoot: () => Promise<ExistingRoot>,
  { dryRun, ...options }: OperationOptions & { readonly dryRun: boolean },
): Promise<ResetRecord> {
  await using stack = new AsyncDisposableStack();
  const { fresh, reset } = await resetHost(
    system,
    async (state) => {
      const root = await findRoot();
      const host = stack.use(await fetchInto(system, state, request, root, options));
      await requireStorage(host, root.needs);
      const kept = await keptEdits(system);
      const booted = await bootedDeployment(state, host.repository, request, kept);
      return freshHost(host, kept, booted, options);
    },
    { ...options, dryRun },
  );
  const { host, kept } = fresh;
  return {
    image: formatReference(request.image),
    target: formatReference(request.target),
    manifestDigest: host.imported.manifestDigest,
    version: host.deployment.version,
    deployment: fresh.id,
    kernel: host.deployment.kernelVersion,
    kernelCommandLine: fresh.options,
    keptState: reset.keptState,
    keptFiles: [...kept.keys()],
    removed: reset.removed,
    done: !dryRun,
  };
}

/** How the root is found now, and what the initramfs of the image must be able to do for it. */
async function presentRoot(
  system: HostSystem,
  { kernelArguments, keepsRootArguments }: ResetRequest,
  options: OperationOptions,
): Promise<ExistingRoot> {
  const { sysroot } = system.layout;
  const root = await mountedAt(sysroot, options);
  if (root === undefined)
    throw new SlipwayError(
      'STATE_INVALID',
      `cannot find the root of this host: nothing is mounted at ${sysroot}`,
    );
  const devices = await listBlockDevices(options);
  const found = existingRoot({ root, entries: [] }, await system.commandLine(), devices, kernelArguments);
  return keepsRootArguments ? found : { ...found, kernelArguments: 'rw' };
}

/** Into the store of the host itself, of which nothing has to be fetched again. */
async function fetchInto(
  system: HostSystem,
  state: HostState,
  request: ResetRequest,
  { kernelArguments }: ExistingRoot,
  options: OperationOptions,
): Promise<PreparedHost> {
  await using source = openImage(request.image);
  const found = await findImage(source, request, options);
  await checkTarget(request, options);
  const repository = await openRepository(system.layout.composefs);
  const root = { kernelArguments, isSealed: isSealed(state), storage: PLAIN_STORAGE, crypttab: '' };
  const wanted = { ...request, root, cacheDirectory: system.layout.downloads };
  return await prepareHostIn(repository, source, found, wanted, options);
}

/** As the running deployment is started: whether the store can seal files was settled when it was made. */
function isSealed(state: HostState): boolean {
  const entry = nextEntryOf(state, state.booted.id)?.entry;
  const line = parseKernelCommandLine(entry === undefined ? '' : bootEntryOptions(entry));
  return composefsArgument(line)?.verityRequired ?? true;
}

async function keptEdits(system: HostSystem): Promise<ReadonlyMap<string, SystemEdit>> {
  const kept = new Map<string, SystemEdit>();
  for (const path of KEPT_FILES) {
    try {
      const bytes = await readFile(join(system.etc, path.slice('/etc/'.length)));
      kept.set(path, { kind: 'file', bytes });
    } catch (thrown) {
      if (errnoOf(thrown) !== 'ENOENT') throw thrown;
    }
  }
  return kept;
}

/** What runs now as it would be installed, for a boot of the new deployment that fails. */
async function bootedDeployment(
  { booted }: HostState,
  repository: Repository,
  { config }: ResetRequest,
  kept: ReadonlyMap<string, SystemEdit>,
): Promise<{ readonly id: string; readonly directory: DiskNode }> {
  const { id, origin } = booted;
  const image = readErofs(repository.readImage(id));
  const timeSec = image.meta.mtimeSec;
  const setup = await planHostSetup(
    repository,
    { tree: image },
    { id, seed: id, timeSec },
    config === undefined ? {} : { config },
  );
  const tree = rootTree({
    repository,
    id,
    image,
    objects: [],
    streams: new Map(),
    metaJson: '',
    origin: origin === undefined ? '' : formatOrigin(origin),
    history: '',
    edits: new Map([...setup.edits, ...kept]),
    mounts: [],
    timeSec,
  });
  return { id, directory: nodeAt(tree, ['state', 'deploy', id]) };
}

function freshHost(
  host: PreparedHost,
  kept: ReadonlyMap<string, SystemEdit>,
  booted: { readonly id: string; readonly directory: DiskNode },
  options: OperationOptions,
) {
  const { repository, imported, deployment, setup } = host;
  const edited = { ...setup, edits: new Map([...setup.edits, ...kept]) };
  const kernel = {
    version: deployment.kernelVersion,
    vmlinuz: deployment.linux,
    initramfs: deployment.initrd,
  };
  return {
    host,
    kept,
    id: deployment.id,
    title: deployment.title,
    options: deployment.commandLine,
    kernel: kernelPair(kernel, (node) => readObject(repository, node)),
    write: async (root: string): Promise<void> => {
      const whole = rootTreeOf(repository, imported, deployment, edited, new Map());
      const state = directoryAt(whole, ['state']);
      const deploy = directoryAt(state, ['deploy']);
      // The new deployment last: it is the one that counts where both are the same.
      const both = new Map([[booted.id, booted.directory], ...deploy.entries]);
      const written = new Map([...state.entries, ['deploy', { ...deploy, entries: both }]]);
      await writeTree({ ...whole, entries: new Map([['state', { ...state, entries: written }]]) }, root, {
        keepsMetadata: true,
        seals: false,
        task: 'write the new state',
        operation: operation(options),
      });
    },
  };
}

function nodeAt(root: DiskDirectory, path: readonly string[]): DiskNode {
  let at: DiskNode = root;
  for (const name of path) {
    const next: DiskNode | undefined = at.kind === 'directory' ? at.entries.get(name) : undefined;
    if (next === undefined) throw new SlipwayError('INTERNAL', `cannot find ${path.join('/')} of a new host`);
    at = next;
  }
  return at;
}

function directoryAt(root: DiskDirectory, path: readonly string[]): DiskDirectory {
  const found = nodeAt(root, path);
  if (found.kind !== 'directory')
    throw new SlipwayError('INTERNAL', `${path.join('/')} of a new host is no directory`);
  return found;
}
