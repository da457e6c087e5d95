/** The image a host follows, as bootc's status and origin files write it. */
import { SlipwayError } from '@slipway/core';
import { formatReference, parseReference, type Reference } from '@slipway/oci';

/** `image` and `transport` of `org.containers.bootc/v1`. */
export interface ImageSpec {
  /** `registry:5000/os/web:stable`, or for a layout `/path:tag`. */
  readonly image: string;
  /** `registry`, `oci` or another this machine can read; what it cannot is shown, but not followed. */
  readonly transport: string;
}

/** Prefixes of an ostree container reference: how the image is to be trusted. */
const TRUST_PREFIXES = [
  'ostree-unverified-image:',
  'ostree-unverified-registry:',
  'ostree-image-signed:',
  /^ostree-remote-(?:image|registry):[^:]*:/,
] as const;

/** Those on this machine that can be read; all are written alike. */
const LOCAL_TRANSPORTS: ReadonlySet<string> = new Set([
  'oci',
  'oci-archive',
  'docker-archive',
  'containers-storage',
  'dir',
] satisfies Reference['kind'][]);

/** A reference as the host records it. */
export function imageSpecOf(reference: Reference): ImageSpec {
  const text = formatReference(reference);
  return reference.kind === 'registry'
    ? { image: text, transport: 'registry' }
    : { image: text.slice(reference.kind.length + 1), transport: reference.kind };
}

/**
 * The reference to follow.
 *
 * @throws SlipwayError OCI_REFERENCE_INVALID when it does not parse or its transport cannot be followed
 */
export function referenceOf(spec: ImageSpec): Reference {
  if (spec.transport === 'registry') return parseReference(`docker://${spec.image}`);
  if (LOCAL_TRANSPORTS.has(spec.transport)) return parseReference(`${spec.transport}:${spec.image}`);
  throw new SlipwayError(
    'OCI_REFERENCE_INVALID',
    `cannot follow ${spec.transport}:${spec.image}: the transport is not supported`,
    { hint: 'switch to an image in a registry or in an OCI layout' },
  );
}

/** The value of `container-image-reference` in an origin file. */
export function formatContainerReference(spec: ImageSpec): string {
  const image = spec.transport === 'registry' ? `docker://${spec.image}` : `${spec.transport}:${spec.image}`;
  return `ostree-unverified-image:${image}`;
}

/** Reads `container-image-reference`; undefined when it is none. */
export function parseContainerReference(text: string): ImageSpec | undefined {
  const rest = withoutTrust(text.trim());
  if (rest.startsWith('docker://')) return specOf('registry', rest.slice('docker://'.length));
  const colon = rest.indexOf(':');
  const transport = rest.slice(0, Math.max(colon, 0));
  // Only `ostree-…-registry:` leaves a reference without a transport.
  if (text.includes('-registry:')) return specOf('registry', rest);
  return /^[a-z][a-z-]*$/.test(transport) ? specOf(transport, rest.slice(colon + 1)) : undefined;
}

function specOf(transport: string, image: string): ImageSpec | undefined {
  return image === '' ? undefined : { image, transport };
}

function withoutTrust(text: string): string {
  for (const prefix of TRUST_PREFIXES) {
    const length =
      typeof prefix === 'string'
        ? text.startsWith(prefix)
          ? prefix.length
          : 0
        : (prefix.exec(text)?.[0].length ?? 0);
    if (length > 0) return text.slice(length);
  }
  return text;
}
