import { formatBytes } from '@slipway/core';
import { openImage, openRepository } from '@slipway/oci';
import type { CommandContext } from '../command/spec.ts';
import { emit } from '../output/emit.ts';
import { registryReference } from './references.ts';

interface ReferrersInput {
  readonly image: string;
  readonly type: string | undefined;
  readonly json: boolean;
}

/** `slipway referrers IMAGE`. */
export async function referrers(input: ReferrersInput, context: CommandContext): Promise<number> {
  const { operation } = context;
  const reference = await registryReference(input.image, 'IMAGE', operation);
  await using image = openImage(reference);
  const digest = await image.resolveDigest(operation);
  await using repository = await openRepository(reference);
  const filter = input.type === undefined ? {} : { artifactType: input.type };
  const found = await repository.referrers(digest, { ...operation, ...filter });
  const artefacts = found.map((descriptor) => ({
    digest: descriptor.digest,
    type: descriptor.artifactType ?? descriptor.mediaType,
    sizeBytes: descriptor.size,
    annotations: descriptor.annotations ?? {},
  }));
  emit(context, input, { image: image.name, digest, referrers: artefacts }, (answer) =>
    answer.referrers.map((each) => `${each.digest}  ${each.type}  ${formatBytes(each.sizeBytes)}`),
  );
  return 0;
}
