import { type OperationOptions, operation } from '@slipway/core';
import type { Attachments, Descriptor, Digest, Reference, ResolvedImage } from '@slipway/oci';
import { layerStreamName } from '../import/layer-record.ts';
import type { Repository } from '../repository/repository.ts';
import { DELTA_ARTIFACT_TYPE, type DeltaOrigin, deltaLayers, deltaOrigin } from './artefact.ts';

/** Deltas a store can use, by the layer each makes. */
export type UsableDeltas = ReadonlyMap<Digest, Descriptor>;

const NONE: UsableDeltas = new Map();
/** Longer than this a host does not look: the layers are there as well. */
const SEARCH_LIMIT_MS = 20_000;
/** Of so many artefacts for one and the same old image, the shortest delta of each layer is taken. */
const ARTEFACT_LIMIT = 16;

/**
 * Looks for deltas of an image beside it that start from an image this store has. That is one request, and one more for each
 * artefact that fits; none at all when no layer is missing or the store has nothing to start from.
 *
 * Deltas are never needed: what goes wrong here is told to the log only.
 */
export async function findDeltas(
  repository: Repository,
  reference: Reference,
  image: ResolvedImage,
  options: OperationOptions = {},
): Promise<UsableDeltas> {
  const { signal, log } = operation(options);
  const names = new Set(repository.listStreams());
  const isComplete = image.config.diffIds.every((diffId) => names.has(layerStreamName(diffId)));
  const isEmpty = ![...names].some((name) => name.startsWith(MANIFEST_PREFIX));
  if (isComplete || isEmpty) return NONE;
  try {
    const limited = AbortSignal.any([signal, AbortSignal.timeout(SEARCH_LIMIT_MS)]);
    return await readDeltas(reference, image, names, { ...options, signal: limited });
  } catch (cause) {
    signal.throwIfAborted();
    log.debug('cannot look for deltas', { image: image.manifestDigest, reason: String(cause) });
    return NONE;
  }
}

/** Names of records, as `import-image.ts` gives them. */
const MANIFEST_PREFIX = 'oci-manifest-';
const CONFIG_PREFIX = 'oci-config-';

async function readDeltas(
  reference: Reference,
  image: ResolvedImage,
  names: ReadonlySet<string>,
  options: OperationOptions,
): Promise<UsableDeltas> {
  const startsHere = ({ manifestDigest, configDigest }: DeltaOrigin): boolean =>
    names.has(`${MANIFEST_PREFIX}${manifestDigest}`) || names.has(`${CONFIG_PREFIX}${configDigest}`);
  await using attachments = await attachmentsOf(reference);
  const found = await deltasOf(attachments, image, startsHere, options);
  const shortest = new Map<Digest, Descriptor>();
  for (const { layers } of found.slice(0, ARTEFACT_LIMIT)) {
    for (const [diffId, delta] of layers) {
      if (delta.size < (shortest.get(diffId)?.size ?? Number.POSITIVE_INFINITY)) shortest.set(diffId, delta);
    }
  }
  return shortest;
}

/** A delta that stands beside an image. */
export interface FoundDelta {
  readonly digest: Digest;
  /** The image it starts from. */
  readonly origin: DeltaOrigin;
  /** By the layers they make. */
  readonly layers: ReadonlyMap<Digest, Descriptor>;
}

/**
 * All deltas of an image, wherever they start from.
 *
 * @throws SlipwayError what registries and layouts throw
 */
export async function listDeltas(
  reference: Reference,
  image: ResolvedImage,
  options: OperationOptions = {},
): Promise<readonly FoundDelta[]> {
  await using attachments = await attachmentsOf(reference);
  return await deltasOf(attachments, image, () => true, options);
}

async function deltasOf(
  attachments: Attachments,
  { manifestDigest }: ResolvedImage,
  isWanted: (origin: DeltaOrigin) => boolean,
  options: OperationOptions,
): Promise<readonly FoundDelta[]> {
  const wanted = (annotations: Readonly<Record<string, string>> | undefined): boolean => {
    const origin = deltaOrigin(annotations);
    return origin !== undefined && isWanted(origin);
  };
  const artefacts = await attachments.referrers(manifestDigest, DELTA_ARTIFACT_TYPE, { ...options, wanted });
  return artefacts.flatMap(({ digest, manifest }) => {
    const origin = deltaOrigin(manifest.annotations);
    return origin === undefined ? [] : [{ digest, origin, layers: deltaLayers(manifest) }];
  });
}

/** Loaded when needed, as is the rest of that package. */
async function attachmentsOf(reference: Reference): Promise<Attachments> {
  const { openAttachments } = await import('@slipway/oci');
  return await openAttachments(reference);
}
