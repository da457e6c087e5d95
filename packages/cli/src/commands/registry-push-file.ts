import { formatBytes, SlipwayError } from '@slipway/core';
import { openTarget, parseReference, pushFile, type RegistryReference } from '@slipway/oci';
import type { CommandContext } from '../command/spec.ts';
import { emit } from '../output/emit.ts';

interface RegistryPushFileInput {
  readonly file: string;
  readonly target: string;
  readonly json: boolean;
}

interface PushFileAnswer {
  readonly target: string;
  /** What a release of a fleet names. */
  readonly artifact: string;
  readonly digest: string;
  readonly fileDigest: string;
  readonly sizeBytes: number;
}

/** `slipway registry push-file FILE HOST/NAME:TAG`. */
export async function registryPushFile(
  input: RegistryPushFileInput,
  context: CommandContext,
): Promise<number> {
  const { operation } = context;
  const reference = parseReference(input.target);
  const tag = tagOf(reference, input.target);
  await using target = await openTarget(reference);
  const pushed = await pushFile(input.file, target, tag, operation);
  const { repository } = reference as RegistryReference;
  const answer: PushFileAnswer = {
    target: input.target,
    artifact: `${repository}@${pushed.digest}`,
    ...pushed,
  };
  emit(context, input, answer, words);
  return 0;
}

function tagOf(reference: ReturnType<typeof parseReference>, text: string): string {
  if (reference.kind === 'registry' && reference.tag !== undefined && reference.digest === undefined)
    return reference.tag;
  throw new SlipwayError('USAGE', `cannot push a file to '${text}': it is no tag in a registry`, {
    hint: 'write HOST/NAME:TAG; a registry removes in time what has no tag',
  });
}

function words({ artifact, sizeBytes }: PushFileAnswer): readonly string[] {
  return [artifact, `${formatBytes(sizeBytes)} pushed`];
}
