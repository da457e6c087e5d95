import { invalid, wordsOf } from './file-contexts.ts';

/** One beginning of paths that is labelled as another. */
interface Substitution {
  readonly from: string;
  readonly to: string;
}

/** A text file of a policy. */
export interface PolicyText {
  readonly name: string;
  readonly text: string;
}

/**
 * Which paths are labelled as if they were others: what the administrator says in `file_contexts.subs` first, then what
 * the distribution says in `file_contexts.subs_dist`; of each file, one line at most.
 */
export class Substitutions {
  readonly #local: readonly Substitution[];
  readonly #distribution: readonly Substitution[];

  /** @throws SlipwayError SELINUX_POLICY_INVALID naming the line */
  constructor(local: PolicyText | undefined, distribution: PolicyText | undefined) {
    this.#local = substitutionsOf(local);
    this.#distribution = substitutionsOf(distribution);
  }

  /** The path to look the label of a path up by. */
  apply(path: string): string {
    const first = substituted(path, this.#local);
    return substituted(first, this.#distribution);
  }
}

function substitutionsOf(file: PolicyText | undefined): readonly Substitution[] {
  if (file === undefined) return [];
  const found: Substitution[] = [];
  for (const { words, where } of wordsOf(file.name, file.text)) {
    const [from, to] = words;
    if (from === undefined || to === undefined || words.length > 2)
      throw invalid(where, 'it is not "FROM TO"');
    found.push({ from, to });
  }
  return found;
}

function substituted(path: string, substitutions: readonly Substitution[]): string {
  for (const { from, to } of substitutions) {
    if (!path.startsWith(from)) continue;
    const rest = path.slice(from.length);
    if (rest === '') return to;
    if (rest.startsWith('/')) return to === '/' ? rest : to + rest;
  }
  return path;
}
