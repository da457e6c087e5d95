/** Which requirements of a policy count for an image (containers-policy.json(5), "Policy requirements" and "Supported transports and their scopes"). */
import { posix, resolve } from 'node:path';
import type { Reference, RegistryReference } from '../reference.ts';
import type { PolicyRequirements, SignaturePolicy } from './policy.ts';

/** Requirements, and where in the policy they stand. */
export interface ApplicableRequirements {
  /** `default`, `docker`, or `docker:` and the scope. */
  readonly rule: string;
  readonly requirements: PolicyRequirements;
}

/** Finds the requirements for an image: the longest scope that fits, else the transport's default, else that of all. */
export function requirementsFor(policy: SignaturePolicy, reference: Reference): ApplicableRequirements {
  const transport = reference.kind === 'registry' ? 'docker' : reference.kind;
  const scopes = policy.transports.get(transport);
  for (const scope of scopes === undefined ? [] : scopesOf(reference)) {
    const requirements = scopes?.get(scope);
    if (requirements === undefined) continue;
    return { rule: scope === '' ? transport : `${transport}:${scope}`, requirements };
  }
  return { rule: 'default', requirements: policy.default };
}

/** Everything a scope may call an image, the most exact first, `""` last. */
export function scopesOf(reference: Reference): readonly string[] {
  if (reference.kind === 'registry') return scopesOfName(reference);
  if (reference.kind === 'oci' || reference.kind === 'oci-archive') {
    const path = resolve(reference.path);
    return [`${path}:${reference.tag ?? ''}`, ...directoriesOf(path), ''];
  }
  // Of the others' scopes none could be told apart.
  return reference.kind === 'dir' ? [...directoriesOf(resolve(reference.path)), ''] : [''];
}

function scopesOfName({ registry, repository, tag, digest }: RegistryReference): readonly string[] {
  const name = `${registry}/${repository}`;
  return [digest === undefined ? `${name}:${tag ?? ''}` : `${name}@${digest}`, ...namespacesOf(name), ''];
}

/** `host:1/a/b`: itself, `host:1/a`, `host:1`, then `*.` and the domains the host is in. */
export function namespacesOf(name: string): readonly string[] {
  const parts = name.split('/');
  const parents = parts.map((_part, index) => parts.slice(0, parts.length - index).join('/'));
  const host = (parts[0] ?? '').replace(/:.*$/, '');
  const domains = host.split('.').slice(1);
  return [...parents, ...domains.map((_label, index) => `*.${domains.slice(index).join('.')}`)];
}

/** A directory and those above it, without the root. */
function directoriesOf(path: string): readonly string[] {
  const parts = path.split('/').filter((part) => part !== '');
  return parts.map((_part, index) => `/${parts.slice(0, parts.length - index).join('/')}`);
}

/** Transports whose scopes are directories. */
const PATH_TRANSPORTS: ReadonlySet<string> = new Set(['dir', 'oci', 'oci-archive']);

/** Why a scope cannot stand under a transport; undefined when it can. Scopes of transports that are not ours are left alone. */
export function scopeProblem(transport: string, scope: string): string | undefined {
  if (scope === '' || !PATH_TRANSPORTS.has(transport)) return undefined;
  const path = transport === 'dir' ? scope : scope.replace(/:[^/]*$/, '');
  if (!path.startsWith('/')) return 'is not an absolute path';
  if (path === '/') return 'is the root directory; write "" for all';
  return posix.normalize(path) === path && !path.endsWith('/') ? undefined : 'is not a clean path';
}
