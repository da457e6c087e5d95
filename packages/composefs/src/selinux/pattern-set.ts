import type { ByteSet } from './byte-set.ts';
import type { Pattern } from './path-pattern.ts';

/** Steps of all patterns together; the policy of Debian has 300,000. */
const STEPS_MAX = 3_000_000;
/** Of all states kept, before all are forgotten: steps and matches, and a fixed part of each. */
const KEPT_MAX = 8_000_000;
const STATE_COST = 128;
/** Work that is not looking something up; labelling a whole Debian takes a hundredth of it. */
const WORK_MAX = 2_000_000_000;

const SPLIT = -1;
const MATCH = -2;

/** A set of steps that are all possible after some bytes. */
interface State {
  /** Steps that wait for a byte, ascending. */
  readonly waiting: Int32Array;
  /** Numbers of patterns that match what was read, ascending. */
  readonly matches: readonly number[];
  /** By class of the next byte; undefined what was not asked yet. */
  readonly next: (State | undefined)[];
}

/**
 * Many regular expressions that are matched together: reading a byte is one look-up, however many there are and whatever
 * they say, so neither a policy nor a path can make it slow. States are made when first met, from all steps still
 * possible; what all of that may cost has a limit.
 */
export class PatternSet {
  /** By step: the number of its byte set, or what kind of step it is. */
  readonly #kinds: number[] = [];
  readonly #firsts: number[] = [];
  readonly #seconds: number[] = [];
  readonly #sets: ByteSet[] = [];
  readonly #setNumbers = new Map<string, number>();
  readonly #starts: number[] = [];
  /** Bytes no pattern tells apart have one number. */
  #classes: Uint8Array | undefined;
  #representatives: number[] = [];
  readonly #states = new Map<string, State>();
  #marks = new Uint32Array(0);
  #mark = 0;
  #compiled = 0;
  #work = 0;
  #kept = 0;

  /**
   * Adds a pattern; its number is how many were added before. None can be added once one was matched.
   *
   * @throws Error when all together are too large
   */
  add(pattern: Pattern): void {
    const match = this.#step(MATCH, this.#starts.length, 0);
    this.#starts.push(this.#compile(pattern, match));
  }

  /**
   * The numbers of the patterns that match all of a text, ascending.
   *
   * @param text bytes as latin1
   * @throws Error when patterns were made to take too long
   */
  match(text: string): readonly number[] {
    const classes = this.#classes ?? this.#prepare();
    let state = this.#startState();
    for (let index = 0; index < text.length && state.waiting.length > 0; index += 1) {
      const byteClass = classes[text.charCodeAt(index) & 0xff] ?? 0;
      const known = state.next[byteClass];
      const next = known ?? this.#after(state, this.#representatives[byteClass] ?? 0);
      if (known === undefined) state.next[byteClass] = next;
      state = next;
      if (state.waiting.length === 0 && index + 1 < text.length) return [];
    }
    return state.matches;
  }

  /** Steps are made from the last to the first, each knowing the one after it. */
  #compile(pattern: Pattern, next: number): number {
    // Repetitions of nothing, in one another, make no steps and still take their time.
    this.#compiled += 1;
    if (this.#compiled > STEPS_MAX) throw new Error('all expressions together are too large');
    if (pattern.kind === 'bytes') return this.#step(this.#setNumber(pattern.set), next, 0);
    if (pattern.kind === 'repeat') return this.#repeat(pattern, next);
    if (pattern.kind === 'sequence') {
      return pattern.items.reduceRight((after, item) => this.#compile(item, after), next);
    }
    return pattern.options
      .map((option) => this.#compile(option, next))
      .reduce((first, second) => this.#step(SPLIT, first, second));
  }

  #repeat({ item, min, max }: Extract<Pattern, { kind: 'repeat' }>, next: number): number {
    let start = next;
    if (max === Number.POSITIVE_INFINITY) {
      start = this.#step(SPLIT, next, next);
      this.#firsts[start] = this.#compile(item, start);
    }
    for (let count = min; count < max && max !== Number.POSITIVE_INFINITY; count += 1) {
      start = this.#step(SPLIT, this.#compile(item, start), next);
    }
    for (let count = 0; count < min; count += 1) start = this.#compile(item, start);
    return start;
  }

  #step(kind: number, first: number, second: number): number {
    if (this.#kinds.length >= STEPS_MAX) throw new Error('all expressions together are too large');
    this.#kinds.push(kind);
    this.#firsts.push(first);
    this.#seconds.push(second);
    return this.#kinds.length - 1;
  }

  #setNumber(set: ByteSet): number {
    const { key } = set;
    const known = this.#setNumbers.get(key);
    if (known !== undefined) return known;
    this.#sets.push(set);
    this.#setNumbers.set(key, this.#sets.length - 1);
    return this.#sets.length - 1;
  }

  #prepare(): Uint8Array {
    const numbers = new Map<string, number>();
    const classes = new Uint8Array(256);
    for (let byte = 0; byte < 256; byte += 1) {
      const key = this.#sets.map((set) => (set.has(byte) ? '1' : '0')).join('');
      const number = numbers.get(key) ?? numbers.size;
      if (!numbers.has(key)) this.#representatives.push(byte);
      numbers.set(key, number);
      classes[byte] = number;
    }
    this.#classes = classes;
    this.#marks = new Uint32Array(this.#kinds.length);
    return classes;
  }

  #startState(): State {
    return this.#states.get('start') ?? this.#keep('start', this.#stateOf(this.#starts));
  }

  #after({ waiting }: State, byte: number): State {
    const reached: number[] = [];
    this.#work += waiting.length;
    for (const step of waiting) {
      if (this.#sets[this.#kinds[step] ?? 0]?.has(byte) === true) reached.push(this.#firsts[step] ?? 0);
    }
    return this.#stateOf(reached);
  }

  /** Follows every step that waits for nothing. */
  #stateOf(starts: readonly number[]): State {
    this.#mark += 1;
    const waiting: number[] = [];
    const matches: number[] = [];
    const pending = [...starts];
    for (let step = pending.pop(); step !== undefined; step = pending.pop()) {
      if (this.#marks[step] === this.#mark) continue;
      this.#marks[step] = this.#mark;
      this.#work += 1;
      const kind = this.#kinds[step] ?? 0;
      const first = this.#firsts[step] ?? 0;
      if (kind === SPLIT) pending.push(first, this.#seconds[step] ?? 0);
      else if (kind === MATCH) matches.push(first);
      else waiting.push(step);
    }
    if (this.#work > WORK_MAX) throw new Error('its expressions take too long');
    const sorted = Int32Array.from(waiting).sort();
    matches.sort((a, b) => a - b);
    const key = `${Buffer.from(sorted.buffer).toString('latin1')} ${matches.join()}`;
    return this.#states.get(key) ?? this.#keep(key, { waiting: sorted, matches, next: [] });
  }

  #keep(key: string, state: State): State {
    // States that refer to forgotten ones go on working, and are forgotten with them.
    this.#kept += state.waiting.length + state.matches.length + STATE_COST;
    if (this.#kept > KEPT_MAX) {
      this.#states.clear();
      this.#kept = 0;
    }
    this.#states.set(key, state);
    return state;
  }
}
