import { SlipwayError } from '@slipway/core';
import { isDigest } from './digest.ts';
import type { Digest } from './image.ts';
import { canonicalRegistry, canonicalRepository } from './registry/well-known.ts';

/** An image in a repository of a registry. */
export interface RegistryReference {
  readonly kind: 'registry';
  /** `host` or `host:port`, as typed. */
  readonly registry: string;
  readonly repository: string;
  /** Undefined only when there is a digest. */
  readonly tag: string | undefined;
  /** Wins over the tag, which then is only for people. */
  readonly digest: Digest | undefined;
}

/** An image in an OCI layout directory. */
export interface LayoutReference {
  readonly kind: 'oci';
  readonly path: string;
  /** `org.opencontainers.image.ref.name` of the entry in `index.json`; undefined: the only image there is. */
  readonly tag: string | undefined;
  readonly digest: Digest | undefined;
}

/** An image in an archive file: a layout in a tar, or what `docker save` and `podman save` write. */
export interface ArchiveReference {
  readonly kind: 'oci-archive' | 'docker-archive';
  readonly path: string;
  /** Of a Docker archive the whole name, `NAME:TAG`; undefined: the only image there is. */
  readonly tag: string | undefined;
  readonly digest: Digest | undefined;
}

/** An image as plain files in a directory of its own, as `skopeo copy … dir:` writes it. */
export interface DirectoryReference {
  readonly kind: 'dir';
  readonly path: string;
  readonly tag: undefined;
  readonly digest: Digest | undefined;
}

/** An image in the store podman, buildah and skopeo share on a machine. */
export interface StorageReference {
  readonly kind: 'containers-storage';
  /** `[[DRIVER@]ROOT[+RUNROOT]]NAME:TAG` or an image's id: what those tools take. */
  readonly image: string;
  readonly tag: undefined;
  readonly digest: undefined;
}

/** Where an image is. */
export type Reference =
  | RegistryReference
  | LayoutReference
  | ArchiveReference
  | DirectoryReference
  | StorageReference;

/** distribution-spec, "Pulling manifests": the grammar of `<name>` and of `<reference>` as a tag. */
const REPOSITORY_COMPONENT = /^[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*$/;
const TAG = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/;
/** image-spec annotations.md, `org.opencontainers.image.ref.name`, without `@`, which starts our digest. */
const LAYOUT_TAG = /^[A-Za-z0-9]+(?:(?:[-._:+/]|--)[A-Za-z0-9]+)*$/;
/** The name an image has in a Docker archive: `[HOST/]NAME[:TAG]`. */
const DOCKER_NAME =
  /^[A-Za-z0-9][A-Za-z0-9._-]*(?::[0-9]+(?=\/))?(?:\/[a-z0-9._-]+)*(?::[A-Za-z0-9_][\w.-]{0,127})?$/;
const HOST =
  /^(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*)(?::(?<port>[0-9]{1,5}))?$/;
/** Clients agree on 255 for `host/name`. */
const MAX_NAME_LENGTH = 255;
/** Longer is no reference but an attempt at one; a layout path may be PATH_MAX. */
const MAX_REFERENCE_LENGTH = 4600;
const DEFAULT_TAG = 'latest';

/**
 * Reads an image reference (containers-transports(5)):
 * `[registry:|docker://]HOST[:PORT]/NAME[:TAG][@DIGEST]`, `oci:DIR[:TAG][@DIGEST]`, `oci-archive:FILE[:TAG][@DIGEST]`,
 * `docker-archive:FILE[:NAME:TAG][@DIGEST]`, `dir:DIR[@DIGEST]` or `containers-storage:IMAGE`.
 *
 * A name without a host is refused: the project has no default registry; `expandReference` looks such names up where the
 * machine's owner gave them a meaning. Without tag and digest the tag is `latest`. The path of a layout or an archive ends at
 * the first colon, as it does for skopeo.
 *
 * @throws SlipwayError OCI_REFERENCE_INVALID
 */
export function parseReference(text: string): Reference {
  if (text.length > MAX_REFERENCE_LENGTH) throw invalid(text, 'it is too long');
  if (text.trim() === '') throw invalid(text, 'it is empty', REFERENCE_HINT);
  if (/^[.~]?[/]|^[.][.][/]/.test(text)) {
    throw invalid(text, 'it is a path', `an image in a directory is oci:${shorten(text)}:TAG`);
  }
  const local = parseLocal(text);
  if (local !== undefined) return local;
  for (const prefix of ['registry:', 'docker://']) {
    // A host may be called "registry": `registry:5000/os` is a host with a port.
    if (text.startsWith(prefix) && !/^registry:[0-9]+\//.test(text)) {
      return parseRegistry(text, text.slice(prefix.length));
    }
  }
  const foreign = /^(?<transport>[a-z][a-z-]*):(?![0-9]+\/)(?:\/|[^/]*\/)/.exec(text)?.groups?.['transport'];
  if (foreign !== undefined && FOREIGN_TRANSPORTS.has(foreign)) {
    throw invalid(
      text,
      `the transport ${foreign}: is not supported`,
      'use registry:HOST/NAME, oci:DIR:TAG, oci-archive:FILE, docker-archive:FILE, dir:DIR or containers-storage:NAME',
    );
  }
  return parseRegistry(text, text);
}

const FOREIGN_TRANSPORTS: ReadonlySet<string> = new Set([
  'docker-daemon',
  'docker',
  'ostree',
  'sif',
  'tarball',
]);

/** The reference as text that {@link parseReference} reads to the same; registries without a transport prefix. */
export function formatReference(reference: Reference): string {
  const tag = reference.tag === undefined ? '' : `:${reference.tag}`;
  const digest = reference.digest === undefined ? '' : `@${reference.digest}`;
  if (reference.kind === 'registry') return `${reference.registry}/${reference.repository}${tag}${digest}`;
  if (reference.kind === 'containers-storage') return `containers-storage:${reference.image}`;
  return `${reference.kind}:${reference.path}${tag}${digest}`;
}

/** The same image location pinned to a digest (the tag stays, for people). */
export function withDigest<R extends Reference>(reference: R, digest: Digest): R {
  return { ...reference, digest };
}

/** Whether a text is a `<name>` of the distribution specification: the path of a repository, without its registry. */
export function isRepositoryName(text: string): boolean {
  return (
    text.length <= MAX_NAME_LENGTH &&
    text.split('/').every((component) => REPOSITORY_COMPONENT.test(component))
  );
}

/** Whether a text is a tag of the distribution specification. */
export function isTag(text: string): boolean {
  return TAG.test(text);
}

/** A reference to something on this machine; undefined when the text names none of its transports. */
function parseLocal(text: string): Exclude<Reference, RegistryReference> | undefined {
  const colon = text.indexOf(':');
  const transport = text.slice(0, Math.max(colon, 0));
  const rest = text.slice(colon + 1);
  // A host may be called like a transport: `dir:5000/os` is one with a port, `oci:5000/os` always was a path.
  const mayBeHost = transport !== 'oci' && /^[0-9]{1,5}\/[^/]/.test(rest);
  switch (mayBeHost ? '' : transport) {
    case 'oci':
      return { kind: 'oci', ...parsePath(text, rest, LAYOUT_TAG, 'oci:DIRECTORY:TAG, where DIRECTORY') };
    case 'oci-archive':
      return {
        kind: 'oci-archive',
        ...parsePath(text, rest, LAYOUT_TAG, 'oci-archive:FILE:TAG, where FILE'),
      };
    case 'docker-archive':
      return {
        kind: 'docker-archive',
        ...parsePath(text, rest, DOCKER_NAME, 'docker-archive:FILE:NAME:TAG, where FILE'),
      };
    case 'dir': {
      const { name: path, digest } = splitPathDigest(text, rest);
      if (path === '' || path.includes('\0'))
        throw invalid(text, 'it names no directory', 'write dir:DIRECTORY');
      return { kind: 'dir', path, tag: undefined, digest };
    }
    case 'containers-storage':
      return {
        kind: 'containers-storage',
        image: checkStored(text, rest),
        tag: undefined,
        digest: undefined,
      };
    default:
      return undefined;
  }
}

/** What follows the transport: `PATH[:TAG][@DIGEST]`. */
function parsePath(
  text: string,
  rest: string,
  tags: RegExp,
  form: string,
): Pick<LayoutReference, 'path' | 'tag' | 'digest'> {
  const hint = `write ${form} has no colon`;
  const { name, digest } = splitPathDigest(text, rest);
  const colon = name.indexOf(':');
  const path = colon === -1 ? name : name.slice(0, colon);
  const tag = colon === -1 ? undefined : name.slice(colon + 1);
  if (path === '' || path.includes('\0')) throw invalid(text, 'it names no file or directory', hint);
  if (tag !== undefined && !tags.test(tag)) {
    throw invalid(text, `${JSON.stringify(shorten(tag))} is not a tag of a layout or archive`, hint);
  }
  return { path, tag, digest };
}

/** A path may have "@" in it; only what says it is a digest is taken for one. */
function splitPathDigest(text: string, rest: string): { name: string; digest: Digest | undefined } {
  return /@sha[0-9]+:[^/]*$/.test(rest) ? splitDigest(text, rest) : { name: rest, digest: undefined };
}

/** The grammar is that of containers/storage, which reads it; it must not look like an option to it, nor hide what it is. */
function checkStored(text: string, image: string): string {
  if (/^(?:\[[^\]\s]+\])?[A-Za-z0-9@][\w.:/@+-]*$/.test(image)) return image;
  throw invalid(
    text,
    'it names no image of the store',
    'write containers-storage:NAME:TAG, as podman images shows it',
  );
}

const REFERENCE_HINT = 'write HOST/NAME:TAG for a registry, oci:DIR:TAG for a directory';

function parseRegistry(text: string, rest: string): RegistryReference {
  const { name: located, digest } = splitDigest(text, rest);
  const slash = located.indexOf('/');
  const typed = located.slice(0, Math.max(slash, 0));
  if (slash === -1 || !looksLikeHost(typed)) {
    throw invalid(text, 'it names no registry', `write it with its registry: HOST/${shorten(located)}`);
  }
  checkHost(text, typed);
  const registry = canonicalRegistry(typed);
  const { path, tag } = splitTag(located.slice(slash + 1));
  const repository = canonicalRepository(registry, path);
  checkRepository(text, registry, repository);
  if (tag !== undefined && !TAG.test(tag)) {
    throw invalid(
      text,
      `${JSON.stringify(shorten(tag))} is not a tag`,
      'a tag has at most 128 letters, digits, "_", "." and "-", and starts with none of "." and "-"',
    );
  }
  const wanted = tag ?? (digest === undefined ? DEFAULT_TAG : undefined);
  return { kind: 'registry', registry, repository, tag: wanted, digest };
}

function splitTag(name: string): { readonly path: string; readonly tag: string | undefined } {
  const colon = name.indexOf(':');
  return colon === -1
    ? { path: name, tag: undefined }
    : { path: name.slice(0, colon), tag: name.slice(colon + 1) };
}

/** A name without a registry, such as `debian:13`. */
export interface ShortName {
  readonly name: string;
  /** `:TAG`, `@DIGEST`, both or nothing. */
  readonly suffix: string;
}

/** Reads a name without a registry; undefined when the text is another reference, or none at all. */
export function parseShortName(text: string): ShortName | undefined {
  if (text.length > MAX_REFERENCE_LENGTH || parseLocal(text) !== undefined) return undefined;
  const groups = /^(?<name>[^:@]+)(?<suffix>(?::[\w][\w.-]{0,127})?(?:@[a-z0-9]+:[0-9a-f]+)?)$/.exec(
    text,
  )?.groups;
  const name = groups?.['name'] ?? '';
  const isShort = isRepositoryName(name) && !(name.includes('/') && looksLikeHost(name.split('/')[0] ?? ''));
  return isShort ? { name, suffix: groups?.['suffix'] ?? '' } : undefined;
}

/** The rule every client uses to tell `host/name` from `name/name`. */
function looksLikeHost(component: string): boolean {
  return component.includes('.') || component.includes(':') || component === 'localhost';
}

function checkHost(text: string, registry: string): void {
  const match = registry.length > MAX_NAME_LENGTH ? null : HOST.exec(registry);
  const port = match?.groups?.['port'];
  if (match === null || (port !== undefined && (Number(port) === 0 || Number(port) > 65_535))) {
    throw invalid(text, `${JSON.stringify(shorten(registry))} is not a host`, 'write HOST or HOST:PORT');
  }
}

function checkRepository(text: string, registry: string, repository: string): void {
  if (registry.length + 1 + repository.length > MAX_NAME_LENGTH) {
    throw invalid(text, `its name is longer than ${MAX_NAME_LENGTH} characters`);
  }
  for (const component of repository.split('/')) {
    if (REPOSITORY_COMPONENT.test(component)) continue;
    const problem =
      component === ''
        ? 'a part of its path is empty'
        : `${JSON.stringify(component)} cannot stand in its path`;
    throw invalid(
      text,
      problem,
      'each part of the path has lower-case letters and digits, separated by ".", "_", "__" or "-"',
    );
  }
}

function splitDigest(text: string, rest: string): { name: string; digest: Digest | undefined } {
  const at = rest.lastIndexOf('@');
  if (at === -1) return { name: rest, digest: undefined };
  const digest = rest.slice(at + 1);
  if (!isDigest(digest)) {
    throw invalid(
      text,
      `${JSON.stringify(shorten(digest))} is not a digest`,
      'after "@" stands sha256: and 64, or sha512: and 128, lower-case hexadecimal digits',
    );
  }
  return { name: rest.slice(0, at), digest };
}

function invalid(text: string, problem: string, hint?: string): SlipwayError {
  return new SlipwayError(
    'OCI_REFERENCE_INVALID',
    `cannot use ${JSON.stringify(shorten(text))} as an image reference: ${problem}`,
    hint === undefined ? {} : { hint },
  );
}

function shorten(text: string): string {
  return text.length <= 200 ? text : `${text.slice(0, 200)}…`;
}
