import type { PackageDatabase } from '../packages/installed-package.ts';

/** A package one image has and the other has not. */
export interface PackageVersion {
  readonly name: string;
  readonly version: string;
  readonly architecture: string;
}

/** A package both have, in different versions. */
export interface PackageChange {
  readonly name: string;
  readonly architecture: string;
  readonly from: string;
  readonly to: string;
}

/** How the packages of two images differ; each list is sorted by name. */
export interface PackageDifference {
  readonly added: readonly PackageVersion[];
  readonly removed: readonly PackageVersion[];
  readonly changed: readonly PackageChange[];
  /** How many are the same. */
  readonly unchanged: number;
}

/**
 * Compares packages by name and architecture. Where an image has several versions of one, as with kernels of rpm, those
 * only one image has are added or removed.
 */
export function packageDifference(
  from: readonly PackageDatabase[],
  to: readonly PackageDatabase[],
): PackageDifference {
  const before = versionsByPackage(from);
  const after = versionsByPackage(to);
  const added: PackageVersion[] = [];
  const removed: PackageVersion[] = [];
  const changed: PackageChange[] = [];
  let unchanged = 0;
  for (const key of [...new Set([...before.keys(), ...after.keys()])].sort()) {
    const gone = without(before.get(key), after.get(key));
    const come = without(after.get(key), before.get(key));
    unchanged += (after.get(key)?.length ?? 0) - come.length;
    const [old] = gone;
    const [young] = come;
    if (gone.length === 1 && come.length === 1 && old !== undefined && young !== undefined) {
      changed.push({
        name: old.name,
        architecture: old.architecture,
        from: old.version,
        to: young.version,
      });
    } else {
      removed.push(...gone);
      added.push(...come);
    }
  }
  return { added, removed, changed, unchanged };
}

function versionsByPackage(
  databases: readonly PackageDatabase[],
): ReadonlyMap<string, readonly PackageVersion[]> {
  const versions = new Map<string, PackageVersion[]>();
  for (const { kind, packages } of databases) {
    for (const { name, version, architecture } of packages) {
      const key = `${name}\0${architecture}\0${kind}`;
      const known = versions.get(key);
      if (known === undefined) versions.set(key, [{ name, version, architecture }]);
      else known.push({ name, version, architecture });
    }
  }
  return versions;
}

function without(
  some: readonly PackageVersion[] = [],
  others: readonly PackageVersion[] = [],
): readonly PackageVersion[] {
  const versions = new Set(others.map((other) => other.version));
  return some.filter(({ version }) => !versions.has(version));
}
