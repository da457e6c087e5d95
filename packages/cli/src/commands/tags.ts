import type { Operation } from '@slipway/core';
import { openRepository, type Reference } from '@slipway/oci';
import type { CommandContext } from '../command/spec.ts';
import { emit } from '../output/emit.ts';
import { registryReference } from './references.ts';

interface TagsInput {
  readonly repository: string;
  readonly json: boolean;
}

/** `slipway tags REPOSITORY`. */
export async function tags(input: TagsInput, context: CommandContext): Promise<number> {
  const { operation } = context;
  const probe = (reference: Reference): Promise<unknown> => firstTag(reference, operation);
  const reference = await registryReference(input.repository, 'REPOSITORY', { ...operation, probe });
  await using repository = await openRepository(reference);
  const names: string[] = [];
  for await (const tag of repository.tags(operation)) names.push(tag);
  emit(context, input, { repository: repository.name, tags: names }, (answer) => answer.tags);
  return 0;
}

/** A repository is there when it can be listed, whatever its tags are. */
async function firstTag(reference: Reference, operation: Operation): Promise<unknown> {
  if (reference.kind !== 'registry') return undefined;
  await using repository = await openRepository(reference);
  return await repository.tags(operation)[Symbol.asyncIterator]().next();
}
