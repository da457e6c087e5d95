/**
 * Reads a JSON object with one very long list in it (RFC 8259) as it comes, value by value, so that neither the text nor what it says
 * is ever in memory whole.
 */

/** What a scanner found, each value parsed. */
export interface ScannedObject {
  /** Called for each element of the list, in its order. */
  readonly element: (value: unknown) => void;
  /** Called for each member that is not the list. */
  readonly member: (name: string, value: unknown) => void;
}

/** Thrown inside this package only: what is wrong with a text. */
export class ScanProblem extends Error {
  override readonly name = 'ScanProblem';
}

/** One value, a name included; no entry of a real table comes near. */
const MAX_VALUE_BYTES = 4 * 2 ** 20;

/** What may come next. */
type Expected =
  | 'object'
  | 'name or end'
  | 'name'
  | 'colon'
  | 'value'
  | 'comma or end'
  | 'element or end'
  | 'element'
  | 'element comma or end'
  | 'nothing';

const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const BYTE_ORDER_MARK = Buffer.from('\u{feff}', 'utf8');

/** Takes the text in any pieces. Values are cut out by their brackets and quotes, and each is then parsed by itself. */
export class JsonScanner {
  readonly #listName: string;
  readonly #found: ScannedObject;
  #expected: Expected = 'object';
  #memberName = '';
  #hasList = false;
  /** What came of a value whose end has not come yet; undefined between values. */
  #value: Buffer[] | undefined;
  #valueBytes = 0;
  #depth = 0;
  #isText = false;
  #isEscaped = false;
  #isScalar = false;
  #bytesSeen = 0;

  /** @param listName of the member whose elements are told one by one */
  constructor(listName: string, found: ScannedObject) {
    this.#listName = listName;
    this.#found = found;
  }

  /** @throws ScanProblem */
  push(chunk: Uint8Array): void {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length);
    let at = 0;
    while (at < bytes.length) {
      if (this.#value !== undefined) at = this.#continueValue(bytes, at);
      else {
        this.#structure(bytes[at] ?? 0, this.#bytesSeen + at);
        // A value begins here: its first byte is read once more, as part of it.
        if (this.#value === undefined) at += 1;
      }
    }
    this.#bytesSeen += bytes.length;
  }

  /** Whether the list was there. @throws ScanProblem when the text is not at its end */
  end(): boolean {
    if (this.#expected !== 'nothing') throw new ScanProblem('it is cut short');
    return this.#hasList;
  }

  /** A byte between values. */
  #structure(byte: number, position: number): void {
    if (byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09) return;
    if (position < BYTE_ORDER_MARK.length && byte === BYTE_ORDER_MARK[position]) return;
    switch (this.#expected) {
      case 'object':
        return this.#become(byte === OPEN_OBJECT, 'name or end');
      case 'name or end':
        if (byte === CLOSE_OBJECT) return this.#become(true, 'nothing');
        return this.#begin(byte === QUOTE, byte);
      case 'name':
        return this.#begin(byte === QUOTE, byte);
      case 'colon':
        return this.#become(byte === COLON, 'value');
      case 'value':
        if (this.#memberName !== this.#listName || byte !== OPEN_LIST) return this.#begin(true, byte);
        if (this.#hasList) throw new ScanProblem(`it has two members "${this.#listName}"`);
        this.#hasList = true;
        return this.#become(true, 'element or end');
      case 'comma or end':
        if (byte === CLOSE_OBJECT) return this.#become(true, 'nothing');
        return this.#become(byte === COMMA, 'name');
      case 'element or end':
        if (byte === CLOSE_LIST) return this.#become(true, 'comma or end');
        return this.#begin(true, byte);
      case 'element':
        return this.#begin(true, byte);
      case 'element comma or end':
        if (byte === CLOSE_LIST) return this.#become(true, 'comma or end');
        return this.#become(byte === COMMA, 'element');
      case 'nothing':
        throw new ScanProblem('more follows its end');
    }
  }

  #become(isRight: boolean, next: Expected): void {
    if (!isRight) throw new ScanProblem('it is not JSON');
    this.#expected = next;
  }

  #begin(isRight: boolean, byte: number): void {
    if (!isRight) throw new ScanProblem('it is not JSON');
    this.#value = [];
    this.#valueBytes = 0;
    this.#depth = 0;
    this.#isText = false;
    this.#isEscaped = false;
    this.#isScalar = byte !== QUOTE && byte !== OPEN_OBJECT && byte !== OPEN_LIST;
  }

  /** Takes what belongs to the value; says where it ends, or the piece does. */
  #continueValue(bytes: Buffer, start: number): number {
    const end = this.#isScalar ? scalarEnd(bytes, start) : this.#bracketsEnd(bytes, start);
    const length = (end ?? bytes.length) - start;
    this.#valueBytes += length;
    if (this.#valueBytes > MAX_VALUE_BYTES) throw new ScanProblem('a value in it is too long');
    const part = bytes.subarray(start, start + length);
    if (end === undefined) this.#value?.push(Buffer.from(part));
    else this.#endValue(part);
    return start + length;
  }

  /** Behind the quote or bracket that closes what the first one opened. */
  #bracketsEnd(bytes: Buffer, start: number): number | undefined {
    let [depth, isText, isEscaped] = [this.#depth, this.#isText, this.#isEscaped];
    for (let at = start; at < bytes.length; at += 1) {
      const byte = bytes[at];
      if (isText) {
        if (isEscaped) isEscaped = false;
        else if (byte === BACKSLASH) isEscaped = true;
        else if (byte === QUOTE) isText = false;
        if (isText || depth > 0) continue;
        return at + 1;
      }
      if (byte === QUOTE) isText = true;
      else if (byte === OPEN_OBJECT || byte === OPEN_LIST) depth += 1;
      else if (byte === CLOSE_OBJECT || byte === CLOSE_LIST) {
        depth -= 1;
        if (depth === 0) return at + 1;
      }
    }
    [this.#depth, this.#isText, this.#isEscaped] = [depth, isText, isEscaped];
    return undefined;
  }

  #endValue(last: Buffer): void {
    const before = this.#value ?? [];
    this.#value = undefined;
    const value = parsed(before.length === 0 ? last : Buffer.concat([...before, last]));
    const expected = this.#expected;
    if (expected === 'name' || expected === 'name or end') {
      this.#memberName = String(value);
      this.#expected = 'colon';
    } else if (expected === 'value') {
      this.#expected = 'comma or end';
      this.#found.member(this.#memberName, value);
    } else {
      this.#expected = 'element comma or end';
      this.#found.element(value);
    }
  }
}

/** Of a number, or of true, false and null. */
function scalarEnd(bytes: Buffer, start: number): number | undefined {
  for (let at = start; at < bytes.length; at += 1) {
    const byte = bytes[at] ?? 0;
    if (byte === COMMA || byte === CLOSE_OBJECT || byte === CLOSE_LIST || byte <= 0x20) return at;
  }
  return undefined;
}

function parsed(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch (cause) {
    throw new ScanProblem('it is not JSON', { cause });
  }
}
