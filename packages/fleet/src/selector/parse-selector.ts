import { SlipwayError } from '@slipway/core';
import { labelKeyFault, labelValueFault } from './label.ts';
import type { Requirement, Selector } from './selector.ts';

/** Longer selectors are refused: they come from query strings. */
const MAX_CHARACTERS = 4096;

type Token = { readonly text: string; readonly at: number; readonly isWord: boolean };

/**
 * Reads a selector as kubectl does: `=`, `==`, `!=`, `in (a,b)`, `notin (a,b)`, `key` and `!key`, joined by commas.
 * The empty text selects everything.
 *
 * @throws SlipwayError SELECTOR_INVALID, with the column where reading stopped
 */
export function parseSelector(text: string): Selector {
  if (text.length > MAX_CHARACTERS)
    throw refused(text.slice(0, 40), 0, `it is longer than ${MAX_CHARACTERS} characters`);
  const reader = new SelectorReader(text);
  return { requirements: reader.requirements() };
}

/** `matchLabels` and `matchExpressions` of a Kubernetes resource. */
export interface SelectorResource {
  readonly matchLabels?: Readonly<Record<string, string>>;
  readonly matchExpressions?: readonly {
    readonly key: string;
    readonly operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist';
    readonly values?: readonly string[];
  }[];
}

/**
 * Takes a selector out of a resource written the way of Kubernetes.
 *
 * @throws SlipwayError SELECTOR_INVALID
 */
export function selectorOfResource({ matchLabels = {}, matchExpressions = [] }: SelectorResource): Selector {
  const texts = Object.entries(matchLabels).map(([key, value]) => checked(key, [value], `${key}=${value}`));
  for (const { key, operator, values = [] } of matchExpressions) {
    const isSet = operator === 'In' || operator === 'NotIn';
    if (isSet !== values.length > 0) {
      throw refused(key, 0, isSet ? `${operator} needs values` : `${operator} takes no values`);
    }
    const set = `(${values.join(',')})`;
    const written = {
      In: `${key} in ${set}`,
      NotIn: `${key} notin ${set}`,
      Exists: key,
      DoesNotExist: `!${key}`,
    };
    texts.push(checked(key, values, written[operator]));
  }
  return parseSelector(texts.join(','));
}

/** Keys and values must be whole words before they are put together, or one could smuggle in another demand. */
function checked(key: string, values: readonly string[], text: string): string {
  const fault = labelKeyFault(key) ?? values.map(labelValueFault).find((found) => found !== undefined);
  if (fault !== undefined) throw refused(text, 0, fault);
  return text;
}

class SelectorReader {
  readonly #text: string;
  readonly #tokens: readonly Token[];
  #next = 0;

  constructor(text: string) {
    this.#text = text;
    this.#tokens = tokensOf(text);
  }

  requirements(): readonly Requirement[] {
    const found: Requirement[] = [];
    if (this.#tokens.length === 0) return found;
    for (;;) {
      found.push(this.#requirement());
      if (this.#peek() === undefined) return found;
      this.#expect(',');
    }
  }

  #requirement(): Requirement {
    if (this.#take('!')) return { key: this.#key(), operator: 'not-exists' };
    const key = this.#key();
    const operator = this.#peek()?.text;
    switch (operator) {
      case undefined:
      case ',':
        return { key, operator: 'exists' };
      case '=':
      case '==':
      case '!=':
        this.#next += 1;
        return { key, operator: operator === '!=' ? 'notin' : 'in', values: [this.#value()] };
      case 'in':
      case 'notin':
        this.#next += 1;
        return { key, operator, values: this.#values() };
      default:
        throw this.#refused('there must be "=", "!=", "in", "notin" or a comma');
    }
  }

  #values(): readonly string[] {
    this.#expect('(');
    const values = new Set([this.#value()]);
    while (this.#take(',')) values.add(this.#value());
    this.#expect(')');
    return [...values].sort();
  }

  #key(): string {
    const token = this.#peek();
    if (token?.isWord !== true) throw this.#refused('the name of a label is missing');
    const fault = labelKeyFault(token.text);
    if (fault !== undefined) throw this.#refused(fault);
    this.#next += 1;
    return token.text;
  }

  /** A value may be empty: then a comma, a bracket or the end stands in its place. */
  #value(): string {
    const token = this.#peek();
    if (token?.isWord !== true) return '';
    const fault = labelValueFault(token.text);
    if (fault !== undefined) throw this.#refused(fault);
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
    if (!this.#take(text)) throw this.#refused(`there must be "${text}"`);
  }

  #refused(why: string): SlipwayError {
    return refused(this.#text, this.#peek()?.at ?? this.#text.length, why);
  }
}

function tokensOf(text: string): readonly Token[] {
  return [...text.matchAll(/(?<sign>==|!=|[=!(),])|(?<word>[^=!(),\s]+)/gu)].map((match) => ({
    text: match[0],
    at: match.index,
    isWord: match.groups?.['word'] !== undefined,
  }));
}

function refused(text: string, at: number, why: string): SlipwayError {
  return new SlipwayError(
    'SELECTOR_INVALID',
    `cannot read the selector ${JSON.stringify(text)}: column ${at + 1}: ${why}`,
    {
      hint: 'write demands like kubectl does: stage=canary,store in (7,8),tier!=db,gpu,!legacy',
      details: { column: at + 1 },
    },
  );
}
