const RANGES: Readonly<Record<string, readonly string[]>> = {
  d: ['09'],
  w: ['09', 'AZ', 'az', '__'],
  s: ['\t\r', '  '],
  alpha: ['AZ', 'az'],
  digit: ['09'],
  alnum: ['09', 'AZ', 'az'],
  upper: ['AZ'],
  lower: ['az'],
  space: ['\t\r', '  '],
  blank: ['\t\t', '  '],
  punct: ['!/', ':@', '[`', '{~'],
  print: [' ~'],
  graph: ['!~'],
  xdigit: ['09', 'AF', 'af'],
  cntrl: ['\0\x1f', '\x7f\x7f'],
  word: ['09', 'AZ', 'az', '__'],
};

const SINGLES: ByteSet[] = [];

/** Some of the 256 bytes. */
export class ByteSet {
  readonly #has = new Uint8Array(256);
  #key: string | undefined;

  /** The set of one byte, always the same object: most of an expression are such. */
  static of(character: string): ByteSet {
    const byte = character.charCodeAt(0) & 0xff;
    const known = SINGLES[byte];
    if (known !== undefined) return known;
    const set = new ByteSet();
    set.#has[byte] = 1;
    SINGLES[byte] = set;
    return set;
  }

  static all(): ByteSet {
    return new ByteSet().inverted();
  }

  /** A class by its name in a regular expression, `[:alpha:]` or `\d`. */
  static named(name: string): ByteSet {
    const ranges = Object.hasOwn(RANGES, name) ? RANGES[name] : undefined;
    if (ranges === undefined) throw new Error(`it has an unknown class "${name}"`);
    const set = new ByteSet();
    for (const range of ranges) set.addRange(range.charCodeAt(0), range.charCodeAt(1));
    return set;
  }

  has(byte: number): boolean {
    return this.#has[byte] === 1;
  }

  addSet(other: ByteSet): void {
    for (let byte = 0; byte < 256; byte += 1) if (other.has(byte)) this.#has[byte] = 1;
  }

  addRange(from: number, to: number): void {
    if (from > to) throw new Error('it has a range that ends before it begins');
    this.#has.fill(1, from, to + 1);
  }

  /** The one byte in it, for the end of a range. */
  only(): number {
    const byte = this.#has.indexOf(1);
    if (byte < 0 || this.#has.includes(1, byte + 1)) throw new Error('it has a range of classes');
    return byte;
  }

  inverted(): ByteSet {
    const set = new ByteSet();
    for (let byte = 0; byte < 256; byte += 1) set.#has[byte] = this.has(byte) ? 0 : 1;
    return set;
  }

  /** Equal for equal sets; nothing may be added any more. */
  get key(): string {
    this.#key ??= String.fromCharCode(...this.#has);
    return this.#key;
  }
}
