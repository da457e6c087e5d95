import { formatBytes } from '@slipway/core';
import { expandReference, openImage } from '@slipway/oci';
import type { CommandContext } from '../command/spec.ts';
import { emit } from '../output/emit.ts';
import { block } from '../render/block.ts';
import { machineArchitecture } from './architecture.ts';

interface InspectInput {
  readonly image: string;
  readonly arch: 'amd64' | 'arm64' | undefined;
  readonly json: boolean;
}

/** `slipway inspect IMAGE`. */
export async function inspect(input: InspectInput, context: CommandContext): Promise<number> {
  await using source = openImage(await expandReference(input.image, context.operation));
  const resolved = await source.resolve(input.arch ?? machineArchitecture(), context.operation);
  const { manifest, config, manifestDigest, referenceDigest } = resolved;
  const facts = {
    image: source.name,
    digest: referenceDigest,
    manifestDigest,
    architecture: config.architecture,
    os: config.os,
    created: config.created ?? null,
    labels: config.labels,
    layers: manifest.layers.map(({ mediaType, digest, size }) => ({ mediaType, digest, sizeBytes: size })),
  };
  emit(context, input, facts, inspectWords);
  return 0;
}

interface ImageFacts {
  readonly image: string;
  readonly digest: string;
  readonly architecture: string;
  readonly created: string | null;
  readonly labels: Readonly<Record<string, string>>;
  readonly layers: readonly { readonly digest: string; readonly sizeBytes: number }[];
}

function inspectWords({
  image,
  digest,
  architecture,
  created,
  labels,
  layers,
}: ImageFacts): readonly string[] {
  const totalBytes = layers.reduce((total, layer) => total + layer.sizeBytes, 0);
  return [
    ...block(
      ' ',
      ['Image', image],
      [
        ['Digest', `${digest} (${architecture})`],
        ['Created', created ?? 'unknown'],
        ['Layers', `${layers.length}, ${formatBytes(totalBytes)}`],
      ],
    ),
    ...layers.map((layer) => `    ${layer.digest}  ${formatBytes(layer.sizeBytes)}`),
    ...Object.entries(labels).map(([name, text]) => `  ${name}=${text}`),
  ];
}
