/** Names of images as signatures and policies write them: `host[:port]/path[:tag][@digest]`, always with the host. */
import { isSlipwayError } from '@slipway/core';
import { parseReference, type Reference, type RegistryReference } from '../reference.ts';
import type { SignedIdentity } from './policy.ts';

/** A name, taken apart; nothing is filled in. */
export interface SignedName {
  /** `host[:port]/path` */
  readonly repository: string;
  readonly tag: string | undefined;
  readonly digest: string | undefined;
}

/** Reads a name; undefined when it is none. Names of Docker Hub may be short, as they are everywhere. */
export function parseSignedName(text: string): SignedName | undefined {
  const full = expandHubName(text);
  try {
    const reference = parseReference(`docker://${full}`);
    if (reference.kind !== 'registry') return undefined;
    // A tag that was not written was filled in.
    const hasTag = /:[^/@]+(?:@|$)/.test(full.slice(full.indexOf('/')));
    return { ...signedNameOf(reference), tag: hasTag ? reference.tag : undefined };
  } catch (thrown) {
    if (isSlipwayError(thrown, 'OCI_REFERENCE_INVALID')) return undefined;
    throw thrown;
  }
}

/** The name an image was asked for by; undefined for one in a directory, which has none. */
export function nameOfReference(reference: Reference): SignedName | undefined {
  return reference.kind === 'registry' ? signedNameOf(reference) : undefined;
}

/** As it stands in a signature. */
export function formatSignedName({ repository, tag, digest }: SignedName): string {
  return `${repository}${tag === undefined ? '' : `:${tag}`}${digest === undefined ? '' : `@${digest}`}`;
}

/** Whether a text is a name with a tag or a digest. */
export function isTaggedIdentity(text: string): boolean {
  const name = parseSignedName(text);
  return name !== undefined && (name.tag !== undefined || name.digest !== undefined);
}

/** Whether a text is a name with neither. */
export function isRepositoryIdentity(text: string): boolean {
  const name = parseSignedName(text);
  return name !== undefined && name.tag === undefined && name.digest === undefined;
}

/**
 * Holds the name in a signature against the name an image was asked for by (containers-policy.json(5), "signedIdentity").
 * That the digest is the signed one is checked elsewhere, always.
 *
 * @param asked undefined: the image lies in a directory and was not asked for by a name
 * @returns undefined when they match, else why not
 */
export function identityProblem(
  identity: SignedIdentity,
  asked: SignedName | undefined,
  signedText: string,
): string | undefined {
  const signed = parseSignedName(signedText);
  if (signed === undefined)
    return `it is for ${JSON.stringify(signedText.slice(0, 200))}, which is no image name`;
  const wanted = wantedNames(identity, asked);
  if (wanted === undefined) return 'an image in a directory has no name that could be compared';
  return wanted.matches(signed)
    ? undefined
    : `it is for ${formatSignedName(signed)}, not for ${wanted.words}`;
}

interface WantedNames {
  readonly words: string;
  readonly matches: (signed: SignedName) => boolean;
}

function wantedNames(identity: SignedIdentity, asked: SignedName | undefined): WantedNames | undefined {
  switch (identity.type) {
    case 'exactReference':
      return exactly(parseSignedName(identity.dockerReference));
    case 'exactRepository':
      return anyOf(parseSignedName(identity.dockerRepository));
    case 'matchExact':
      // By design a name with a digest matches nothing here: a signature's name carries the tag.
      return asked === undefined ? undefined : exactly(asked);
    case 'matchRepository':
      return asked === undefined ? undefined : anyOf(asked);
    case 'matchRepoDigestOrExact':
      return asked === undefined ? undefined : repositoryOrExactly(asked);
    case 'remapIdentity':
    default:
      return asked === undefined ? undefined : repositoryOrExactly(remap(asked, identity));
  }
}

function exactly(wanted: SignedName | undefined): WantedNames | undefined {
  if (wanted === undefined) return undefined;
  const text = formatSignedName(wanted);
  const isExact = wanted.tag !== undefined || wanted.digest !== undefined;
  return { words: text, matches: (signed) => isExact && formatSignedName(signed) === text };
}

function anyOf(wanted: SignedName | undefined): WantedNames | undefined {
  if (wanted === undefined) return undefined;
  return { words: wanted.repository, matches: (signed) => signed.repository === wanted.repository };
}

/** Asked for by digest, only the repository counts: the digest is what was signed. */
function repositoryOrExactly(wanted: SignedName): WantedNames | undefined {
  if (wanted.digest === undefined) return exactly(wanted);
  const matches = (signed: SignedName): boolean =>
    signed.repository === wanted.repository && (signed.tag !== undefined || signed.digest !== undefined);
  return { words: `${wanted.repository} with a tag or digest`, matches };
}

function remap(
  asked: SignedName,
  { prefix, signedPrefix }: Extract<SignedIdentity, { readonly type: 'remapIdentity' }>,
): SignedName {
  const { repository } = asked;
  if (repository !== prefix && !repository.startsWith(`${prefix}/`)) return asked;
  return { ...asked, repository: signedPrefix + repository.slice(prefix.length) };
}

/** A digest wins over the tag, which then is only for people. */
function signedNameOf({ registry, repository, tag, digest }: RegistryReference): SignedName {
  return { repository: `${registry}/${repository}`, tag: digest === undefined ? tag : undefined, digest };
}

function expandHubName(text: string): string {
  const [first = '', ...rest] = text.split('/');
  const isHost = rest.length > 0 && (/[.:]/.test(first) || first === 'localhost');
  if (isHost) return first === 'index.docker.io' ? `docker.io/${rest.join('/')}` : text;
  return rest.length === 0 ? `docker.io/library/${text}` : `docker.io/${text}`;
}
