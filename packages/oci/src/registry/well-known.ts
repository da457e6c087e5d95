/**
 * The one registry whose name in references is not the host that answers. Every tool of this field has this rule built in, images'
 * names are written with it (also in files of podman and docker read here), and it cannot be looked up anywhere: hence the only
 * host name in this project. It is no default: a name without a registry stays refused, or is looked up in registries.conf, whose
 * [[registry]] with this prefix may send it elsewhere.
 */
const WELL_KNOWN = 'docker.io';
const API_HOST: string = `registry-1.${WELL_KNOWN}`;
/** What old clients called it; auth files still do. */
const OTHER_NAMES: ReadonlySet<string> = new Set([`index.${WELL_KNOWN}`, API_HOST]);
/** Where it keeps images that nobody else may name. */
const OFFICIAL = 'library/';

/** The name of a registry as references and configuration have it, whichever of its names was used. */
export function canonicalRegistry(registry: string): string {
  return OTHER_NAMES.has(registry) ? WELL_KNOWN : registry;
}

/** `name` there is `library/name`. */
export function canonicalRepository(registry: string, repository: string): string {
  const isOfficial = registry === WELL_KNOWN && repository !== '' && !repository.includes('/');
  return isOfficial ? OFFICIAL + repository : repository;
}

/** `host[:port]` that answers for a registry. */
export function apiHostOf(registry: string): string {
  return registry === WELL_KNOWN ? API_HOST : registry;
}

/** What credential helpers have its passwords under: the address of an interface nobody speaks any more. */
export function helperKeyOf(registry: string): string {
  return registry === WELL_KNOWN ? `https://index.${WELL_KNOWN}/v1/` : registry;
}
