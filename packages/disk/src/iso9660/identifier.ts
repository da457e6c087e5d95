import { MOST_IDENTIFIER } from './format.ts';

/**
 * Names a directory by what ISO 9660 itself allows (ECMA-119 7.5, 7.6): capital letters, digits and `_`, at most one dot, a version. Systems
 * that know Rock Ridge never show them. Given in order, the same names get the same identifiers for ever.
 */
export function isoIdentifiers(
  names: readonly { readonly name: string; readonly isDirectory: boolean }[],
): ReadonlyMap<string, string> {
  const taken = new Set<string>();
  /** Where counting went on last for names that begin alike, or thousands of them would take minutes. */
  const counts = new Map<string, number>();
  const identifiers = new Map<string, string>();
  for (const { name, isDirectory } of names) {
    const { base, extension } = isDirectory ? { base: clean(name), extension: '' } : parts(name);
    const suffix = isDirectory ? '' : `.${extension};1`;
    const room = MOST_IDENTIFIER - extension.length;
    const wanted = `${base.slice(0, room)}${suffix}`;
    let identifier = wanted;
    for (let count = counts.get(wanted) ?? 1; taken.has(identifier); count += 1) {
      counts.set(wanted, count + 1);
      identifier = `${base.slice(0, room - String(count).length - 1)}_${count}${suffix}`;
    }
    taken.add(identifier);
    identifiers.set(name, identifier);
  }
  return identifiers;
}

function parts(name: string): { readonly base: string; readonly extension: string } {
  const dot = name.lastIndexOf('.');
  if (dot <= 0) return { base: clean(name), extension: '' };
  return { base: clean(name.slice(0, dot)), extension: clean(name.slice(dot + 1)).slice(0, 8) };
}

function clean(text: string): string {
  return text.toUpperCase().replaceAll(/[^A-Z0-9_]/g, '_');
}

/** The order of a directory (ECMA-119 9.3): by name, then by extension, both as if they went on with spaces. */
export function compareIdentifiers(one: string, other: string): number {
  const [a, b] = [orderKey(one), orderKey(other)];
  return a < b ? -1 : Number(a > b);
}

function orderKey(identifier: string): string {
  const [base = '', extension = ''] = identifier.replace(/;1$/, '').split('.', 2);
  return base.padEnd(MOST_IDENTIFIER + 1) + extension.padEnd(MOST_IDENTIFIER + 1);
}
