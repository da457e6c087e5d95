import { buildContainerfile, type ContainerfileOptions, type RepackedImage } from '@slipway/build';
import { formatBytes, makeTempDir } from '@slipway/core';
import {
  copyImage,
  formatReference,
  layoutSource,
  openTarget,
  parseReference,
  type Reference,
} from '@slipway/oci';
import type { CommandContext } from '../command/spec.ts';
import { emit } from '../output/emit.ts';
import { machineArchitecture } from './architecture.ts';

interface BuildInput {
  readonly context: string;
  readonly file: string | undefined;
  readonly tag: string;
  readonly buildArg: readonly (readonly [name: string, value: string])[];
  readonly tool: 'auto' | 'buildah' | 'podman' | 'docker';
  readonly isolation: 'auto' | 'oci' | 'rootless' | 'chroot';
  readonly sourceDateEpoch: number | undefined;
  readonly arch: 'amd64' | 'arm64' | undefined;
  readonly json: boolean;
}

/** `slipway build CONTEXT`. */
export async function build(input: BuildInput, context: CommandContext): Promise<number> {
  const reference = parseReference(input.tag);
  const built = await buildInto(
    reference,
    {
      ...context.operation,
      context: input.context,
      buildArgs: Object.fromEntries(input.buildArg),
      tool: input.tool,
      isolation: input.isolation,
      architecture: input.arch ?? machineArchitecture(),
      ...(input.file === undefined ? {} : { file: input.file }),
      ...(input.sourceDateEpoch === undefined ? {} : { sourceDateEpoch: input.sourceDateEpoch }),
    },
    context,
  );
  emit(context, input, { image: formatReference(reference), ...built }, (image) => [
    `${image.image}@${image.digest}`,
    `${image.layers.length} layers, ${formatBytes(image.sizeBytes)}, ${formatBytes(image.sharedBytes)} of it from its base`,
  ]);
  return 0;
}

/** Builders write layouts; for a registry the image passes through one that is gone afterwards. */
async function buildInto(
  reference: Reference,
  options: Omit<ContainerfileOptions, 'output'> & { readonly architecture: string },
  { operation }: CommandContext,
): Promise<RepackedImage> {
  if (reference.kind === 'oci') return buildContainerfile({ ...options, output: reference });
  await using directory = await makeTempDir('build');
  const output = { kind: 'oci', path: directory.path, tag: 'image', digest: undefined } as const;
  const built = await buildContainerfile({ ...options, output });
  await using source = layoutSource(output);
  await using target = await openTarget(reference);
  const image = await source.resolve(options.architecture, operation);
  await copyImage(source, image, target, { ...operation, tag: reference.tag });
  return built;
}
