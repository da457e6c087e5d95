import { SlipwayError } from '@slipway/core';
import type { TreeNode } from '../tree.ts';
import { parsePattern } from './path-pattern.ts';
import { PatternSet } from './pattern-set.ts';

/** What a file is, as far as labels are concerned. */
export type FileKind = TreeNode['kind'];

/** One line of `file_contexts`. */
interface Specification {
  readonly kind: FileKind | undefined;
  /** Undefined for `<<none>>`: such a file has no label. */
  readonly context: string | undefined;
}

/** A line still to be put in its place. */
interface Line extends Specification {
  readonly expression: string;
  readonly where: string;
}

const KINDS: ReadonlyMap<string, FileKind> = new Map([
  ['--', 'regular'],
  ['-d', 'directory'],
  ['-l', 'symlink'],
  ['-c', 'character-device'],
  ['-b', 'block-device'],
  ['-p', 'fifo'],
  ['-s', 'socket'],
]);
const NO_CONTEXT = '<<none>>';
/** A policy has 7,000 lines. */
const LINES_MAX = 200_000;
const LINE_BYTES_MAX = 8192;

/**
 * What label a file gets by its path and kind, by the rules of libselinux for `file_contexts` (selabel_file(5)): the
 * expression matches the whole path, the line's kind must fit where it has one, lines without any special character go
 * before all others, and of several lines the last counts.
 */
export class FileContexts {
  readonly #patterns: PatternSet;
  /** By number of their pattern; the higher one counts. */
  readonly #specifications: readonly Specification[];

  /**
   * @param files names and contents, in the order they count
   * @throws SlipwayError SELINUX_POLICY_INVALID naming file and line
   */
  constructor(files: readonly { readonly name: string; readonly text: string }[]) {
    const lines = files.flatMap(({ name, text }) => [...linesOf(name, text)]);
    if (lines.length > LINES_MAX) throw invalid('file_contexts', 'it has too many lines');
    const inOrder = [
      ...lines.filter(({ expression }) => isSpecial(expression)),
      ...lines.filter(({ expression }) => !isSpecial(expression)),
    ];
    this.#patterns = new PatternSet();
    for (const { expression, where } of inOrder) {
      within(where, () => this.#patterns.add(parsePattern(expression)));
    }
    this.#specifications = inOrder.map(({ kind, context }) => ({ kind, context }));
  }

  /**
   * The label of a file, undefined for none.
   *
   * @param path absolute, bytes as latin1, without a slash at its end
   * @throws SlipwayError SELINUX_POLICY_INVALID when the expressions are made to take for ever
   */
  labelOf(path: string, kind: FileKind): string | undefined {
    const matches = within('file_contexts', () => this.#patterns.match(path));
    for (let index = matches.length - 1; index >= 0; index -= 1) {
      const found = this.#specifications[matches[index] ?? 0];
      if (found !== undefined && (found.kind === undefined || found.kind === kind)) return found.context;
    }
    return undefined;
  }
}

/** The words of every line that says something. */
export function* wordsOf(
  name: string,
  text: string,
): Generator<{ readonly words: readonly string[]; readonly where: string }> {
  let number = 0;
  for (const line of text.split('\n')) {
    number += 1;
    const where = `line ${number} of ${name}`;
    if (line.length > LINE_BYTES_MAX) throw invalid(where, 'it is too long');
    const words = line.split(/[ \t\r\f\v]+/).filter((word) => word !== '');
    if (words.length > 0 && words[0]?.startsWith('#') === false) yield { words, where };
  }
}

function* linesOf(name: string, text: string): Generator<Line> {
  for (const { words, where } of wordsOf(name, text)) {
    const [expression = '', second, third, ...more] = words;
    const [type, context] = third === undefined ? [undefined, second] : [second, third];
    const kind = type === undefined ? undefined : KINDS.get(type);
    if (context === undefined || more.length > 0 || (type !== undefined && kind === undefined)) {
      throw invalid(where, 'it is not "EXPRESSION [TYPE] CONTEXT"');
    }
    if (/[^!-~]/.test(context)) throw invalid(where, 'its context is none');
    yield { expression, kind, context: context === NO_CONTEXT ? undefined : context, where };
  }
}

/** Whether an expression is more than a path written out. */
function isSpecial(expression: string): boolean {
  return /[.^$?*+|[({]/.test(expression.replace(/\\./gs, ''));
}

function within<T>(where: string, act: () => T): T {
  try {
    return act();
  } catch (cause) {
    throw invalid(where, cause instanceof Error ? cause.message : String(cause));
  }
}

/** The error of everything wrong with a policy. */
export function invalid(where: string, why: string): SlipwayError {
  return new SlipwayError('SELINUX_POLICY_INVALID', `cannot use ${where} of the SELinux policy: ${why}`, {
    details: { where },
  });
}
