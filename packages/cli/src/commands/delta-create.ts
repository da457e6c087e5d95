import { mkdir } from 'node:fs/promises';
import {
  type CreatedDelta,
  createDelta,
  type DeltaSide,
  initRepository,
  pushDelta,
} from '@slipway/composefs';
import { formatBytes, makeTempDir, SlipwayError } from '@slipway/core';
import {
  expandReference,
  formatReference,
  type LayoutReference,
  openImage,
  parseReference,
  type Reference,
  type RegistryReference,
} from '@slipway/oci';
import type { CommandContext } from '../command/spec.ts';
import { emit } from '../output/emit.ts';
import { cachePaths } from '../own-files.ts';
import { machineArchitecture } from './architecture.ts';
import { attachable } from './references.ts';

interface DeltaCreateInput {
  readonly old: string;
  readonly new: string;
  readonly push: boolean;
  readonly tag: string | undefined;
  readonly arch: 'amd64' | 'arm64' | undefined;
  readonly cache: string | undefined;
  readonly json: boolean;
}

/** `slipway delta create OLD NEW`. */
export async function deltaCreate(input: DeltaCreateInput, context: CommandContext): Promise<number> {
  const { operation } = context;
  checkPlace(input);
  const oldReference = await expandReference(input.old, operation);
  const newReference = await expandReference(input.new, operation);
  const place = placeOf(input, newReference);
  const { storeDirectory, cacheDirectory } = cachePaths(process.env, input.cache);
  await mkdir(cacheDirectory, { recursive: true, mode: 0o700 });
  await using output = await makeTempDir('delta', cacheDirectory);
  await using oldSource = openImage(oldReference);
  await using newSource = openImage(newReference);
  const side = async (source: DeltaSide['source']): Promise<DeltaSide> => ({
    source,
    image: await source.resolve(input.arch ?? machineArchitecture(), operation),
  });
  const [old, fresh] = [await side(oldSource), await side(newSource)];
  const repository = await initRepository(storeDirectory, { verity: 'none' });
  const options = { ...operation, cacheDir: cacheDirectory, outputDir: output.path };
  const delta = await createDelta(repository, old, fresh, options);
  const digest = await pushDelta(delta, place, operation);
  emit(context, input, answerOf(delta, digest, place), deltaWords);
  return 0;
}

/** Said before anything is asked of a registry. */
function checkPlace({ push, tag }: DeltaCreateInput): void {
  if (tag !== undefined || push) return;
  throw new SlipwayError('USAGE', 'cannot tell where the delta goes', {
    hint: 'write --push to put it beside NEW, or --tag REF',
  });
}

function placeOf(
  { tag, new: fresh }: DeltaCreateInput,
  reference: Reference,
): LayoutReference | RegistryReference {
  return tag === undefined
    ? attachable(reference, fresh, 'NEW')
    : attachable(parseReference(tag), tag, '--tag');
}

interface DeltaAnswer {
  readonly place: string;
  readonly digest: string;
  readonly sizeBytes: number;
  readonly replacedBytes: number;
  readonly layers: readonly Omit<CreatedDelta['layers'][number], 'path'>[];
}

function answerOf(delta: CreatedDelta, digest: string, place: Reference): DeltaAnswer {
  const { sizeBytes, replacedBytes } = delta;
  const layers = delta.layers.map(({ path: _path, ...layer }) => layer);
  return { place: formatReference(place), digest, sizeBytes, replacedBytes, layers };
}

function deltaWords({ digest, sizeBytes, replacedBytes, layers }: DeltaAnswer): readonly string[] {
  const count = layers.length === 1 ? '1 layer' : `${layers.length} layers`;
  return [digest, `${formatBytes(sizeBytes)} in place of ${formatBytes(replacedBytes)}, ${count}`];
}
