/** Which modules a module needs: `moddep.lst`, one line `name: needs…` each. */
import { SlipwayError } from '@slipway/core';

/** Needs of each module, by name. */
export type ModuleDependencies = ReadonlyMap<string, readonly string[]>;

const LIST_MOST_CHARACTERS = 1 << 20;
const NAME = /^[A-Za-z0-9_]{1,64}$/;

/** @throws SlipwayError GRUB_INVALID */
export function parseModuleDependencies(text: string): ModuleDependencies {
  if (text.length > LIST_MOST_CHARACTERS) throw invalid('it is too long');
  const needs = new Map<string, readonly string[]>();
  for (const line of text.split('\n')) {
    if (line.trim() === '') continue;
    const [name = '', rest = ''] = line.split(':', 2);
    const names = rest.split(' ').filter((word) => word !== '');
    const wrong = [name, ...names].find((word) => !NAME.test(word));
    if (wrong !== undefined) throw invalid(`${JSON.stringify(wrong.slice(0, 80))} is no module`);
    needs.set(name, names);
  }
  return needs;
}

/**
 * The modules and everything they need, in the order they are to be loaded in: what is needed first. The order is the one
 * grub-mkimage has, which takes the needs of a module from the last to the first.
 *
 * @throws SlipwayError GRUB_INVALID for a module that is not in the list, or that needs itself
 */
export function loadOrder(dependencies: ModuleDependencies, wanted: readonly string[]): readonly string[] {
  const ordered = new Set<string>();
  const visit = (name: string, path: readonly string[]): void => {
    if (ordered.has(name)) return;
    if (path.includes(name)) throw invalid(`${name} needs itself`);
    const needs = dependencies.get(name);
    if (needs === undefined) throw invalid(`there is no module ${name}`);
    for (const need of needs.toReversed()) visit(need, [...path, name]);
    ordered.add(name);
  };
  for (const name of wanted) visit(name, []);
  return [...ordered];
}

function invalid(why: string): SlipwayError {
  return new SlipwayError('GRUB_INVALID', `cannot use the modules of GRUB (moddep.lst): ${why}`, {
    hint: 'install grub-pc-bin again where the modules come from',
  });
}
