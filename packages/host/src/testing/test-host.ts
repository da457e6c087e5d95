/**
 * A host in a directory: a physical root, an ESP, and a boot loader and initramfs that do with them what the real ones do. Only
 * the kernel is missing; everything else is the packages themselves.
 */
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import {
  bootDigest,
  bootEntryFiles,
  bootEntryOptions,
  composefsArgument,
  deploymentEntry,
  formatEntryName,
  parseKernelCommandLine,
  planKernel,
  readBootEntries,
  renameFileDurably,
  slipwayEntryName,
  writeBootEntry,
  writeKernel,
} from '@slipway/boot';
import { createBootImage, findKernel, importImage, initRepository, readFile } from '@slipway/composefs';
import { type Clock, makeTempDir, silentLog, type TempDir } from '@slipway/core';
import { layoutSource, parseReference } from '@slipway/oci';
import type { BootCopies, BootCopy } from '../boot-copies/mount-copies.ts';
import { writeDeploymentFiles } from '../deployment-files.ts';
import { kernelPair, originOf } from '../deployment-plan.ts';
import { deploymentTree } from '../deployment-tree.ts';
import { pathExists } from '../directory.ts';
import { buildEtc } from '../etc-merge/apply.ts';
import { etcOfImage } from '../etc-merge/from-image.ts';
import { planEtcMerge } from '../etc-merge/plan.ts';
import { finalizeStaged } from '../finalize.ts';
import { imageSpecOf } from '../image-spec.ts';
import { hostLayout } from '../layout.ts';
import { stageUpdate } from '../stage.ts';
import type { StageResult } from '../stage-result.ts';
import type { Checkpoint, HostSystem } from '../system.ts';
import { type TestImage, writeTestImage } from './test-image.ts';

/** Where the parts of a test host are below its directory. */
export function partsOf(directory: string): {
  readonly sysroot: string;
  readonly esp: string;
  readonly images: string;
} {
  return {
    sysroot: join(directory, 'sysroot'),
    esp: join(directory, 'esp'),
    images: join(directory, 'images'),
  };
}

/** A directory for hosts. In memory where there is some: hundreds of fsyncs of a busy disk are not what is tested. */
export async function hostDir(purpose: string): Promise<TempDir> {
  return makeTempDir(purpose, (await pathExists('/dev/shm')) ? '/dev/shm' : undefined);
}

/** A booted host. */
export interface TestHost extends HostSystem {
  readonly directory: string;
  readonly bootedId: string;
}

let boots = 0;
const clock: Clock = { nowMs: () => Date.UTC(2026, 0, 1) + boots * 60_000 };

/** What the system would be if a deployment were booted, without booting it. */
export function systemOf(
  directory: string,
  bootedId: string,
  checkpoint: (point: Checkpoint) => void = () => undefined,
): TestHost {
  const { sysroot, esp } = partsOf(directory);
  const layout = hostLayout(sysroot);
  const boot = `boot-${boots}`;
  return {
    directory,
    bootedId,
    layout,
    etc: layout.deployment(bootedId).etc,
    esp,
    runDirectory: join(directory, 'run'),
    bootcRunDirectory: join(directory, 'run-composefs'),
    architecture: 'amd64',
    clock,
    mountInfo: async () =>
      [
        `21 1 0:20 / / ro,relatime - overlay composefs:${bootedId} ro`,
        '22 21 8:2 / /sysroot rw - ext4 /dev/vda2 rw',
        `23 21 8:2 /state/deploy/${bootedId}/etc /etc rw - ext4 /dev/vda2 rw`,
        '',
      ].join('\n'),
    commandLine: async () => `composefs=${bootedId}`,
    bootId: async () => boot,
    pinnedEntry: async () => undefined,
    unpinEntry: async () => undefined,
    mountBootCopies: async () => copiesIn(directory, esp),
    canSoftReboot: async () => true,
    checkpoint,
  };
}

/** Directories beside that of the boot partition stand for those of other disks; what is no directory cannot be mounted. */
async function copiesIn(directory: string, mounted: string): Promise<BootCopies> {
  const found = await readdir(directory, { withFileTypes: true });
  const others = found.filter(({ name }) => name.startsWith('esp') && join(directory, name) !== mounted);
  const copies = others.map((entry): BootCopy => {
    const device = `/dev/${entry.name}`;
    return entry.isDirectory()
      ? { device, esp: join(directory, entry.name) }
      : { device, esp: undefined, reason: 'it cannot be read' };
  });
  return { copies, [Symbol.asyncDispose]: async () => undefined };
}

/** Writes the first deployment of a host, as an installer does. */
export async function installHost(directory: string, image: TestImage): Promise<void> {
  const { images } = partsOf(directory);
  await writeTestImage(images, image);
  await installFromLayout(directory, `oci:${images}:${image.tag}`);
}

/** The same with any image of a layout; the id of the deployment. */
export async function installFromLayout(directory: string, image: string): Promise<string> {
  const { sysroot, esp } = partsOf(directory);
  const layout = hostLayout(sysroot);
  await mkdir(layout.deployments, { recursive: true });
  await mkdir(layout.varDirectory, { recursive: true });
  await mkdir(join(esp, 'loader/entries'), { recursive: true });
  const reference = parseReference(image);
  if (reference.kind !== 'oci') throw new Error(`${image} is in no layout`);
  await using source = layoutSource(reference);
  const repository = await initRepository(layout.composefs);
  const resolved = await source.resolve('amd64');
  const imported = await importImage(repository, source, resolved, { cacheDir: layout.downloads });
  const { id } = await createBootImage(repository, imported);
  const system = systemOf(directory, id);
  const pair = kernelPair(findKernel(imported.tree), (node) => readFile(repository, node));
  const origin = { ...originOf(imported, imageSpecOf(reference)), bootDigest: await bootDigest(pair) };
  await writeDeploymentFiles(system, id, origin);
  const theirs = deploymentTree(repository, id);
  const etc = etcOfImage(theirs);
  const objectPath = (digest: Uint8Array): string =>
    repository.objectPath(Buffer.from(digest).toString('hex'));
  const sources = { ours: '/nowhere', theirs, objectPath };
  await buildEtc(planEtcMerge(etc, etc, etc), sources, layout.deployment(id).etc, silentLog);
  const plan = await planKernel(esp, id, pair);
  await writeKernel(esp, plan, pair);
  const options = `root=UUID=1 rw quiet composefs=${id}`;
  const entry = deploymentEntry({ title: 'Test', kernelDirectory: plan.directory, options });
  await writeBootEntry(esp, slipwayEntryName(1, 'good'), entry);
  return id;
}

/** Starts what systemd-boot would start, counting its attempt, and mounts it as the initramfs would. */
export async function boot(directory: string): Promise<TestHost> {
  boots += 1;
  const { sysroot, esp } = partsOf(directory);
  const [first] = (await readBootEntries(esp)).entries;
  if (first === undefined) throw new Error('nothing to boot');
  const { counter } = first.name;
  if (counter !== undefined && counter.triesLeft > 0) {
    const next = { triesLeft: counter.triesLeft - 1, triesDone: counter.triesDone + 1 };
    await renameEntry(esp, first.fileName, formatEntryName({ base: first.name.base, counter: next }));
  }
  for (const file of bootEntryFiles(first.entry)) {
    if (!(await pathExists(join(esp, file)))) throw new Error(`the boot loader misses ${file}`);
  }
  const id = composefsArgument(parseKernelCommandLine(bootEntryOptions(first.entry)))?.id ?? '';
  const layout = hostLayout(sysroot);
  const paths = layout.deployment(id);
  const needed = [join(layout.composefs, 'images', id), paths.etc, paths.varLink, paths.origin];
  for (const path of needed) {
    if (!(await pathExists(path))) throw new Error(`the initramfs misses ${path}`);
  }
  return systemOf(directory, id);
}

/** Starts a deployment chosen in the boot menu. */
export function bootByHand(directory: string, id: string): TestHost {
  boots += 1;
  return systemOf(directory, id);
}

/** What systemd-bless-boot does when boot-complete.target is reached. */
export async function bless(host: TestHost): Promise<void> {
  const { entries } = await readBootEntries(host.esp);
  const own = entries.find(
    ({ entry, name }) => bootEntryOptions(entry).includes(host.bootedId) && name.counter?.triesLeft !== 0,
  );
  if (own?.name.counter === undefined) return;
  await renameEntry(host.esp, own.fileName, formatEntryName({ base: own.name.base, counter: undefined }));
}

/** Stages an image of the host's layout. */
export async function stage(
  host: TestHost,
  image: TestImage,
  etcPolicy: 'ours' | 'theirs' | 'fail' = 'ours',
  more: { readonly allowDenied?: boolean; readonly downloadOnly?: boolean } = {},
): Promise<StageResult> {
  const { images } = partsOf(host.directory);
  await writeTestImage(images, image);
  const reference = parseReference(`oci:${images}:${image.tag}`);
  if (reference.kind !== 'oci') throw new Error('a test image is in a layout');
  await using source = layoutSource(reference);
  return stageUpdate(host, { source, reference, command: 'slipway upgrade', etcPolicy, ...more });
}

/** A clean shutdown and the next boot. */
export async function reboot(host: TestHost): Promise<TestHost> {
  await finalizeStaged(host);
  return boot(host.directory);
}

/** Names of boot entries, in boot order. */
export async function entryNames(directory: string): Promise<readonly string[]> {
  return (await readBootEntries(partsOf(directory).esp)).entries.map(({ fileName }) => fileName);
}

/** Ids of the deployments on disk. */
export async function deploymentIds(directory: string): Promise<readonly string[]> {
  return (await readdir(hostLayout(partsOf(directory).sysroot).deployments)).toSorted();
}

/** What firmware has written of FAT is on the disk, name and content: there is no cache that a cut could empty. */
async function renameEntry(esp: string, from: string, to: string): Promise<void> {
  const entries = join(esp, 'loader/entries');
  await renameFileDurably(join(entries, from), join(entries, to));
}
