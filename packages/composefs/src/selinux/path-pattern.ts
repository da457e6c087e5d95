import { ByteSet } from './byte-set.ts';

/** A regular expression taken apart. */
export type Pattern =
  | { readonly kind: 'bytes'; readonly set: ByteSet }
  | { readonly kind: 'sequence'; readonly items: readonly Pattern[] }
  | { readonly kind: 'choice'; readonly options: readonly Pattern[] }
  | { readonly kind: 'repeat'; readonly item: Pattern; readonly min: number; readonly max: number };

/** Groups in groups; policies have three. */
const DEPTH_MAX = 100;
/** Of a counted repetition. */
const COUNT_MAX = 1000;
const ESCAPED_BYTES: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', f: '\f', v: '\v' };

/**
 * Takes the expression of a line of `file_contexts` apart: what policies use of PCRE, with the meaning it has there over
 * bytes, `.` matching every one. Nothing in it can make matching slow, see `PatternSet`; what could (references, looking
 * around) is refused.
 *
 * @param text bytes as latin1; it matches whole paths, so `^` and `$` may only stand at its ends and say nothing
 * @throws Error saying why it is no such expression
 */
export function parsePattern(text: string): Pattern {
  const reader = new PatternReader(text.replace(/^\^/, '').replace(/(?<!\\)\$$/, ''));
  return reader.whole();
}

class PatternReader {
  readonly #text: string;
  #at = 0;
  #depth = 0;

  constructor(text: string) {
    this.#text = text;
  }

  whole(): Pattern {
    const pattern = this.#choice();
    if (this.#at < this.#text.length) throw new Error('a ")" opens nothing');
    return pattern;
  }

  #choice(): Pattern {
    this.#depth += 1;
    if (this.#depth > DEPTH_MAX) throw new Error('its groups are too deep');
    const options = [this.#sequence()];
    while (this.#take('|')) options.push(this.#sequence());
    this.#depth -= 1;
    return options.length === 1 && options[0] !== undefined ? options[0] : { kind: 'choice', options };
  }

  #sequence(): Pattern {
    const items: Pattern[] = [];
    while (this.#at < this.#text.length && !'|)'.includes(this.#text.charAt(this.#at))) {
      items.push(this.#quantified(this.#atom()));
    }
    return { kind: 'sequence', items };
  }

  #atom(): Pattern {
    const character = this.#next();
    switch (character) {
      case '(': {
        if (this.#take('?') && !this.#take(':')) throw new Error('it has a group of an unknown kind');
        const inner = this.#choice();
        if (!this.#take(')')) throw new Error('a "(" is not closed');
        return inner;
      }
      case '[':
        return { kind: 'bytes', set: this.#bracket() };
      case '.':
        return { kind: 'bytes', set: ByteSet.all() };
      case '\\':
        return { kind: 'bytes', set: this.#escape() };
      case '^':
      case '$':
        throw new Error(`it has a "${character}" within`);
      case '*':
      case '+':
      case '?':
        throw new Error(`a "${character}" repeats nothing`);
      default:
        return { kind: 'bytes', set: ByteSet.of(character) };
    }
  }

  #quantified(item: Pattern): Pattern {
    const count = this.#quantifier();
    if (count === undefined) return item;
    // Which way is tried first makes no difference to whether all of a path matches.
    this.#take('?');
    if (/[*+?]/.test(this.#text.charAt(this.#at))) throw new Error('a repetition is repeated');
    return { kind: 'repeat', item, ...count };
  }

  #quantifier(): { readonly min: number; readonly max: number } | undefined {
    if (this.#take('*')) return { min: 0, max: Number.POSITIVE_INFINITY };
    if (this.#take('+')) return { min: 1, max: Number.POSITIVE_INFINITY };
    if (this.#take('?')) return { min: 0, max: 1 };
    const counted = /^\{(\d{1,4})(,(\d{0,4}))?\}/.exec(this.#text.slice(this.#at, this.#at + 12));
    if (counted === null) return undefined;
    this.#at += counted[0].length;
    const min = Number(counted[1]);
    const max = counted[2] === undefined ? min : counted[3] ? Number(counted[3]) : Number.POSITIVE_INFINITY;
    if (min > COUNT_MAX || (max !== Number.POSITIVE_INFINITY && (max > COUNT_MAX || max < min))) {
      throw new Error(`it repeats ${counted[0]} times`);
    }
    return { min, max };
  }

  #bracket(): ByteSet {
    const set = new ByteSet();
    const negated = this.#take('^');
    for (let first = true; first || !this.#take(']'); first = false) {
      const named = /^\[:([a-z]+):\]/.exec(this.#text.slice(this.#at, this.#at + 12));
      if (named !== null) {
        this.#at += named[0].length;
        set.addSet(ByteSet.named(named[1] ?? ''));
        continue;
      }
      const from = this.#bracketItem();
      if (this.#text.charAt(this.#at) !== '-' || '\0]'.includes(this.#text.charAt(this.#at + 1) || '\0')) {
        set.addSet(from);
        continue;
      }
      this.#at += 1;
      set.addRange(from.only(), this.#bracketItem().only());
    }
    return negated ? set.inverted() : set;
  }

  #bracketItem(): ByteSet {
    const character = this.#next();
    return character === '\\' ? this.#escape() : ByteSet.of(character);
  }

  /** What follows a backslash. */
  #escape(): ByteSet {
    const character = this.#next();
    const byte = ESCAPED_BYTES[character];
    if (byte !== undefined) return ByteSet.of(byte);
    if ('dws'.includes(character)) return ByteSet.named(character);
    if ('DWS'.includes(character)) return ByteSet.named(character.toLowerCase()).inverted();
    if (/[a-zA-Z0-9]/.test(character)) throw new Error(`it has an unknown escape "\\${character}"`);
    return ByteSet.of(character);
  }

  #next(): string {
    if (this.#at >= this.#text.length) throw new Error('it ends too early');
    this.#at += 1;
    return this.#text.charAt(this.#at - 1);
  }

  #take(character: string): boolean {
    if (this.#text.charAt(this.#at) !== character) return false;
    this.#at += 1;
    return true;
  }
}
