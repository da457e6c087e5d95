import * as z from 'zod';
import { type Labels, labelNameFault, labelValueFault } from './labels.ts';

/** One condition of a selector on one label; all conditions of a selector must hold. Values are sorted and unique. */
export type LabelCondition =
  | { readonly label: string; readonly operator: 'in' | 'not-in'; readonly values: readonly string[] }
  | { readonly label: string; readonly operator: 'exists' | 'missing' };

/** Why a selector does not parse. */
export interface SelectorProblem {
  readonly problem: string;
  /** Where reading stopped, from 1. */
  readonly column: number;
}

/** Longer selectors are refused: they come from query strings. */
const MAX_CHARACTERS = 4096;

/**
 * Reads a selector as `kubectl -l` takes it: `=`, `==`, `!=`, `in (a,b)`, `notin (a,b)`, `label` and `!label`, joined by commas.
 * The empty text selects everything.
 */
export function parseSelector(text: string): readonly LabelCondition[] | SelectorProblem {
  if (text.length > MAX_CHARACTERS)
    return { problem: `it is longer than ${MAX_CHARACTERS} characters`, column: 1 };
  try {
    return new SelectorReader(text).conditions();
  } catch (thrown) {
    if (thrown instanceof Stop) return { problem: thrown.message, column: thrown.column };
    throw thrown;
  }
}

export function isSelectorProblem(
  parsed: readonly LabelCondition[] | SelectorProblem,
): parsed is SelectorProblem {
  return 'problem' in parsed;
}

/** Whether labels satisfy every condition. */
export function matchesLabels(conditions: readonly LabelCondition[], labels: Labels): boolean {
  return conditions.every((condition) => {
    const value = Object.hasOwn(labels, condition.label) ? labels[condition.label] : undefined;
    if (!('values' in condition)) {
      return (value !== undefined) === (condition.operator === 'exists');
    }
    const isListed = value !== undefined && condition.values.includes(value);
    return condition.operator === 'in' ? isListed : !isListed;
  });
}

/** A selector as text, checked. */
export const selectorSchema: z.ZodType<string> = z
  .string()
  .max(MAX_CHARACTERS)
  .refine(
    (text) => !isSelectorProblem(parseSelector(text)),
    'must be a label selector, such as site=berlin,!spare',
  );

/** Ends reading; never leaves this file. */
class Stop extends Error {
  readonly column: number;

  constructor(message: string, column: number) {
    super(message);
    this.column = column;
  }
}

interface Token {
  readonly text: string;
  readonly at: number;
  readonly isWord: boolean;
}

class SelectorReader {
  readonly #text: string;
  readonly #tokens: readonly Token[];
  #next = 0;

  constructor(text: string) {
    this.#text = text;
    this.#tokens = tokensOf(text);
  }

  conditions(): readonly LabelCondition[] {
    const found: LabelCondition[] = [];
    if (this.#tokens.length === 0) return found;
    for (;;) {
      found.push(this.#condition());
      if (this.#peek() === undefined) return found;
      this.#expect(',');
    }
  }

  #condition(): LabelCondition {
    if (this.#take('!')) return { label: this.#label(), operator: 'missing' };
    const label = this.#label();
    const sign = this.#peek()?.text;
    switch (sign) {
      case undefined:
      case ',':
        return { label, operator: 'exists' };
      case '=':
      case '==':
      case '!=':
        this.#next += 1;
        return { label, operator: sign === '!=' ? 'not-in' : 'in', values: [this.#value()] };
      case 'in':
      case 'notin':
        this.#next += 1;
        return { label, operator: sign === 'notin' ? 'not-in' : 'in', values: this.#values() };
      default:
        throw this.#stop('there must be "=", "!=", "in", "notin" or a comma');
    }
  }

  #values(): readonly string[] {
    this.#expect('(');
    const values = new Set([this.#value()]);
    while (this.#take(',')) values.add(this.#value());
    this.#expect(')');
    return [...values].sort();
  }

  #label(): string {
    const token = this.#peek();
    if (token?.isWord !== true) throw this.#stop('the name of a label is missing');
    const fault = labelNameFault(token.text);
    if (fault !== undefined) throw this.#stop(fault);
    this.#next += 1;
    return token.text;
  }

  /** A value may be empty: then a comma, a bracket or the end stands in its place. */
  #value(): string {
    const token = this.#peek();
    if (token?.isWord !== true) return '';
    const fault = labelValueFault(token.text);
    if (fault !== undefined) throw this.#stop(fault);
    this.#next += 1;
    return token.text;
  }

  #peek(): Token | undefined {
    return this.#tokens[this.#next];
  }

  #take(text: string): boolean {
    const token = this.#peek();
    if (token?.isWord !== false || token.text !== text) return false;
    this.#next += 1;
    return true;
  }

  #expect(text: string): void {
    if (!this.#take(text)) throw this.#stop(`there must be "${text}"`);
  }

  #stop(why: string): Stop {
    return new Stop(why, (this.#peek()?.at ?? this.#text.length) + 1);
  }
}

function tokensOf(text: string): readonly Token[] {
  return [...text.matchAll(/(?<sign>==|!=|[=!(),])|(?<word>[^=!(),\s]+)/gu)].map((match) => ({
    text: match[0],
    at: match.index,
    isWord: match.groups?.['word'] !== undefined,
  }));
}
