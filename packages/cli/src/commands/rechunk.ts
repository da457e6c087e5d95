import { type RechunkReport, rechunkImage } from '@slipway/build';
import { formatBytes } from '@slipway/core';
import { expandReference, formatReference, parseReference } from '@slipway/oci';
import type { CommandContext } from '../command/spec.ts';
import { emit } from '../output/emit.ts';
import { machineArchitecture } from './architecture.ts';

interface RechunkInput {
  readonly image: string;
  readonly tag: string;
  readonly previous: string | undefined;
  readonly maxLayers: number;
  readonly compression: 'gzip' | 'zstd' | 'zstd:chunked';
  readonly mtime: number | undefined;
  readonly arch: 'amd64' | 'arm64' | undefined;
  readonly json: boolean;
}

/** `slipway rechunk IMAGE`. */
export async function rechunk(input: RechunkInput, context: CommandContext): Promise<number> {
  const output = parseReference(input.tag);
  const report = await rechunkImage(
    {
      image: await expandReference(input.image, context.operation),
      output,
      architecture: input.arch ?? machineArchitecture(),
      maxLayers: input.maxLayers,
      compression: input.compression,
      ...(input.mtime === undefined ? {} : { mtimeSec: input.mtime }),
      ...(input.previous === undefined
        ? {}
        : { previous: await expandReference(input.previous, context.operation) }),
    },
    context.operation,
  );
  emit(context, input, { image: formatReference(output), ...report }, rechunkWords);
  return 0;
}

function rechunkWords({
  image,
  digest,
  layers,
  sizeBytes,
  sharedBytes,
}: RechunkReport & { readonly image: string }): readonly string[] {
  const shared = sharedBytes === 0 ? '' : `, ${formatBytes(sharedBytes)} of it as in the earlier version`;
  return [`${image}@${digest}`, `${layers.length} layers, ${formatBytes(sizeBytes)}${shared}`];
}
