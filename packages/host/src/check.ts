/** Asking whether there is something new, without changing anything. */
import { type OperationOptions, SlipwayError } from '@slipway/core';
import type { ImageSource, Reference } from '@slipway/oci';
import { followedImage } from './bootc-host.ts';
import { type DeniedImage, denialOf } from './denied.ts';
import { type HostState, readHostState } from './deployment.ts';
import { referenceOf } from './image-spec.ts';
import type { HostSystem } from './system.ts';
import type { AvailableImage, FoundImage } from './what-is-new.ts';

/** What an upgrade would find. */
export type UpdateCheck =
  | (FoundImage & { readonly kind: 'up-to-date' })
  | (FoundImage & { readonly kind: 'already-staged' })
  /** It did not come up before: an upgrade leaves it alone unless told otherwise. */
  | (FoundImage & { readonly kind: 'denied'; readonly denial: DeniedImage })
  | AvailableImage;

/**
 * The image this host follows: what an upgrade asks for.
 *
 * @throws SlipwayError NOT_A_SLIPWAY_HOST, NOT_ROOT, STATE_INVALID when no origin file says it
 */
export async function followedReference(system: HostSystem): Promise<Reference> {
  return followedBy(system, await readHostState(system));
}

function followedBy(system: HostSystem, state: HostState): Reference {
  const spec = followedImage(state);
  if (spec !== null) return referenceOf(spec);
  throw new SlipwayError(
    'STATE_INVALID',
    'cannot tell which image this host follows: its origin file is missing or damaged',
    {
      hint: 'name the image: slipway switch REF',
      details: { path: system.layout.deployment(state.booted.id).origin },
    },
  );
}

/**
 * Compares what a source has now with what is booted and staged. With nothing new that is one request; else manifest and
 * configuration are read as well.
 */
export async function checkUpdate(
  system: HostSystem,
  source: ImageSource,
  options: OperationOptions & { readonly signaturePolicy?: string | undefined } = {},
): Promise<UpdateCheck> {
  const state = await readHostState(system);
  const known = knownAs(state, await source.resolveDigest(options));
  if (known !== undefined) return known;
  const image = await source.resolve(system.architecture, options);
  // A tag for several architectures names an index: which manifest is ours shows only now.
  const knownLate = knownAs(state, image.manifestDigest);
  if (knownLate !== undefined) return knownLate;
  // Hosts ask every few minutes and there is hardly ever something new: what a new image is judged by is not loaded before.
  const { whatIsNew } = await import('./what-is-new.ts');
  return await whatIsNew(system, followedBy(system, state), image, options);
}

function knownAs(
  { booted, stagedDeployment, denied }: HostState,
  manifestDigest: string,
): UpdateCheck | undefined {
  const staged = stagedDeployment?.origin;
  if (staged?.manifestDigest === manifestDigest) {
    return { kind: 'already-staged', manifestDigest, version: staged.version };
  }
  if (booted.origin?.manifestDigest === manifestDigest) {
    return { kind: 'up-to-date', manifestDigest, version: booted.origin.version };
  }
  const denial = denialOf(denied, { manifestDigest });
  return denial === undefined
    ? undefined
    : { kind: 'denied', manifestDigest, version: denial.version, denial };
}
