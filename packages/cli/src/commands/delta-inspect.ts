import { type FoundDelta, listDeltas } from '@slipway/composefs';
import { formatBytes } from '@slipway/core';
import { expandReference, openImage, type ResolvedImage } from '@slipway/oci';
import type { CommandContext } from '../command/spec.ts';
import { emit } from '../output/emit.ts';
import { machineArchitecture } from './architecture.ts';

interface DeltaInspectInput {
  readonly image: string;
  readonly arch: 'amd64' | 'arm64' | undefined;
  readonly json: boolean;
}

/** `slipway delta inspect IMAGE`. */
export async function deltaInspect(input: DeltaInspectInput, context: CommandContext): Promise<number> {
  const { operation } = context;
  const reference = await expandReference(input.image, operation);
  await using source = openImage(reference);
  const image = await source.resolve(input.arch ?? machineArchitecture(), operation);
  const deltas = (await listDeltas(reference, image, operation)).map((delta) => shown(delta, image));
  const answer = { image: source.name, digest: image.manifestDigest, deltas };
  emit(context, input, answer, (found) =>
    found.deltas.map(
      ({ digest, old, sizeBytes, replacedBytes }) =>
        `${digest}  from ${old}  ${formatBytes(sizeBytes)} in place of ${formatBytes(replacedBytes)}`,
    ),
  );
  return 0;
}

function shown(
  { digest, origin, layers }: FoundDelta,
  { manifest, config }: ResolvedImage,
): {
  readonly digest: string;
  readonly old: string;
  readonly sizeBytes: number;
  readonly replacedBytes: number;
  readonly layers: readonly { readonly diffId: string; readonly sizeBytes: number }[];
} {
  const replaced = manifest.layers.filter((_layer, index) => {
    const diffId = config.diffIds[index];
    return diffId !== undefined && layers.has(diffId);
  });
  const own = [...layers].map(([diffId, { size }]) => ({ diffId, sizeBytes: size }));
  return {
    digest,
    old: origin.manifestDigest,
    sizeBytes: own.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    replacedBytes: replaced.reduce((sum, { size }) => sum + size, 0),
    layers: own,
  };
}
