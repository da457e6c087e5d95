/**
 * The two copies of the boot loader on the boot partition, compared with each other and with those of the images. They need not be of an
 * image here: an earlier one wrote them, or systemd's own update did, which goes on from both to both.
 */
import { readFile as readBytes, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { loaderNames, writeFileDurably } from '@slipway/boot';
import { lookupPath, openRepository, readErofsPart, readFile } from '@slipway/composefs';
import { collectBytes, errnoOf, isSlipwayError, SlipwayError } from '@slipway/core';
import { listDeployments } from '../choose-deployment.ts';
import type { HostState } from '../deployment.ts';
import type { HostSystem } from '../system.ts';
import type { HostFinding } from './finding.ts';

/** The largest there is has a tenth of it. */
const MAX_LOADER_BYTES = 16 * 1024 * 1024;

interface LoaderCopy {
  /** On the boot partition. */
  readonly path: string;
  readonly bytes: Buffer;
}

/**
 * Checks that the copy firmware starts by its own entry and the one it finds without are the same program, or two that have nothing to do
 * with each other, such as a shim.
 *
 * Repair writes the damaged one from the whole one, which an image here vouches for or whose beginning the other is; where both are
 * doubtful, both from the running image. Each is replaced whole: a cut leaves the old one or the new one.
 */
export async function checkLoader(
  system: HostSystem,
  state: HostState,
  repair: boolean,
): Promise<readonly HostFinding[]> {
  const names = loaderNames(system.architecture);
  if (names === undefined) return [];
  const installed = await copyAt(system, names.installed);
  const removable = await copyAt(system, names.removable);
  if (installed === undefined || removable === undefined || installed.bytes.equals(removable.bytes))
    return [];
  const images = await loadersOfImages(system, state, names.inImage);
  const [damaged, whole] = judged(installed, removable, images);
  if (repair && whole !== undefined) {
    for (const { path } of damaged) await writeFileDurably(join(system.esp, path), whole);
  }
  const repaired = repair && whole !== undefined;
  const message = repaired || !repair ? DIFFERS : `${DIFFERS}; ${WHAT_TO_DO}`;
  return damaged.map(({ path }) => ({
    part: 'boot',
    kind: 'loader-damaged',
    name: `/${path}`,
    message,
    repaired,
  }));
}

const DIFFERS = 'the boot loader is not like its other copy, nor that of an image';
const WHAT_TO_DO = 'no image here has one; `bootctl install` writes both';

/** Which copies are damaged, and what they should be as far as that is known. */
function judged(
  installed: LoaderCopy,
  removable: LoaderCopy,
  images: readonly Buffer[],
): readonly [damaged: readonly LoaderCopy[], whole: Buffer | undefined] {
  for (const [one, other] of [[installed, removable] as const, [removable, installed] as const]) {
    const isCutShort = other.bytes.subarray(0, one.bytes.length).equals(one.bytes);
    const isVouchedFor = images.some((bytes) => bytes.equals(other.bytes));
    if (isCutShort || (isVouchedFor && one.bytes.length === other.bytes.length)) return [[one], other.bytes];
  }
  return installed.bytes.length === removable.bytes.length
    ? [[installed, removable], images[0]]
    : [[], undefined];
}

/** Undefined where there is none, or something that is no boot loader. */
async function copyAt({ esp }: HostSystem, path: string): Promise<LoaderCopy | undefined> {
  try {
    const { size } = await stat(join(esp, path));
    return size > MAX_LOADER_BYTES ? undefined : { path, bytes: await readBytes(join(esp, path)) };
  } catch (thrown) {
    if (errnoOf(thrown) === 'ENOENT') return undefined;
    throw thrown;
  }
}

/** Boot loaders of the images here, that of the running one first. */
async function loadersOfImages(
  system: HostSystem,
  state: HostState,
  inImage: string,
): Promise<readonly Buffer[]> {
  const others = listDeployments(state).map(({ deployment }) => deployment.id);
  const loaders: Buffer[] = [];
  for (const id of new Set([state.booted.id, ...others])) {
    const loader = await loaderOfImage(system, id, inImage);
    if (loader !== undefined) loaders.push(loader);
  }
  return loaders;
}

/** Undefined where the image has none, or the store no longer has it whole. */
async function loaderOfImage(system: HostSystem, id: string, inImage: string): Promise<Buffer | undefined> {
  try {
    const repository = await openRepository(system.layout.composefs);
    const node = lookupPath(readErofsPart(repository.readImage(id), [inImage]), inImage)?.node;
    if (node?.kind !== 'regular') return undefined;
    return await collectBytes(readFile(repository, node), MAX_LOADER_BYTES, () => tooLarge(inImage));
  } catch (thrown) {
    // The store says what is wrong with the image itself.
    if (!isSlipwayError(thrown)) throw thrown;
    return undefined;
  }
}

function tooLarge(inImage: string): SlipwayError {
  return new SlipwayError('IMAGE_NOT_BOOTABLE', `cannot read ${inImage} of the image: it is too large`);
}
