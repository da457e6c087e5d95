import type { Selector } from '../selector/selector.ts';

/** What a digest is to its release. */
export type DigestRole =
  /** The manifest devices of one architecture are sent to. */
  | 'image'
  /** The index over all architectures. */
  | 'index'
  /** The same content under another manifest: pushed again, compressed anew, copied between registries. */
  | 'repushed'
  /** What a device installed from the disk image of the release says it booted. */
  | 'disk';

/** One digest of the set that means a release. */
export interface ReleaseDigest {
  /** `sha256:…` or `sha512:…`. */
  readonly digest: string;
  readonly role: DigestRole;
  /** In the terms of OCI: `amd64`, `arm64`. Absent for an index. */
  readonly architecture?: string;
}

/** One release of an operating system: a set of digests, since one content has many. */
export interface Release {
  /** Unique in its graph. */
  readonly version: string;
  /** Where the image is, without tag and digest: `registry.example.com/edge/os`. */
  readonly repository: string;
  readonly digests: readonly ReleaseDigest[];
  /** What people want to know of it; keys and values are free. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Nobody may pass by: older releases lead here first. */
  readonly barrier?: { readonly reason: string };
  /** Nothing leads out of here: such devices need a person. */
  readonly deadEnd?: { readonly reason: string };
  /** Why some devices should not be sent here, or not from some releases. */
  readonly risks?: readonly Risk[];
}

/** A conditional edge: a known problem, and whom it hits. */
export interface Risk {
  /** Bounded set, for metrics: `NvidiaDriverPanics`. */
  readonly name: string;
  /** What happens, for people. */
  readonly message: string;
  readonly url?: string;
  /** Versions it concerns when coming from them; absent: from every version. */
  readonly from?: readonly string[];
  /** Evaluated on labels and facts of a device; an empty selector hits every device. */
  readonly affects: Selector;
}

/** The digest devices of an architecture are told to boot, or undefined when the release has none for them. */
export function targetDigest(release: Release, architecture: string): string | undefined {
  const image = release.digests.find(
    ({ role, architecture: of }) => role === 'image' && (of === architecture || of === undefined),
  );
  return (image ?? release.digests.find(({ role }) => role === 'index'))?.digest;
}
