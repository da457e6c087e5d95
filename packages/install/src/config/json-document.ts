import { type FieldPath, type Position, PositionIndex } from './position.ts';

/** A JSON text as data, and where everything in it stands; or the first thing wrong with it. */
export type JsonDocument =
  | { readonly kind: 'value'; readonly value: unknown; readonly positions: PositionIndex }
  | { readonly kind: 'error'; readonly position: Position; readonly message: string };

const MAX_DEPTH = 100;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
/** Everything but control characters, quotes and backslashes; those escaped. */
const STRING = /"(?:[ !#-[\]-\u{10ffff}]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/uy;
const WORDS: readonly (readonly [string, boolean | null])[] = [
  ['true', true],
  ['false', false],
  ['null', null],
];

class JsonSyntaxError extends Error {
  readonly offset: number;

  constructor(message: string, offset: number) {
    super(message);
    this.offset = offset;
  }
}

/** Reads JSON (RFC 8259) and keeps places, which `JSON.parse` does not; a key given twice is an error. */
export function readJson(text: string): JsonDocument {
  const positions = new PositionIndex(text);
  let at = 0;

  try {
    const value = readValue([]);
    skipSpace();
    if (at < text.length) fail('nothing may follow the document');
    return { kind: 'value', value, positions };
  } catch (thrown) {
    if (!(thrown instanceof JsonSyntaxError)) throw thrown;
    return { kind: 'error', position: positions.at(thrown.offset), message: thrown.message };
  }

  function readValue(path: FieldPath): unknown {
    if (path.length > MAX_DEPTH) fail('it is nested too deep');
    skipSpace();
    positions.note(path, at);
    if (text[at] === '{') return readObject(path);
    if (text[at] === '[') return readList(path);
    if (text[at] === '"') return readString();
    for (const [word, value] of WORDS) {
      if (!text.startsWith(word, at)) continue;
      at += word.length;
      return value;
    }
    const number = match(NUMBER);
    if (number === undefined) fail(at >= text.length ? 'the text ends too early' : 'a value was expected');
    return Number(number);
  }

  function readObject(path: FieldPath): unknown {
    // No prototype: a key called __proto__ is a key like any other, and not one we know.
    const found: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
    at += 1;
    skipSpace();
    for (let first = true; text[at] !== '}'; first = false) {
      if (!first) expect(',');
      skipSpace();
      const offset = at;
      if (text[at] !== '"') fail('a key in double quotes was expected');
      const key = readString();
      if (key in found) fail(`the key ${JSON.stringify(key)} stands here twice`, offset);
      positions.note([...path, key], offset);
      skipSpace();
      expect(':');
      found[key] = readValue([...path, key]);
      skipSpace();
    }
    at += 1;
    return found;
  }

  function readList(path: FieldPath): unknown {
    const found: unknown[] = [];
    at += 1;
    skipSpace();
    while (text[at] !== ']') {
      if (found.length > 0) expect(',');
      found.push(readValue([...path, found.length]));
      skipSpace();
    }
    at += 1;
    return found;
  }

  function readString(): string {
    const quoted = match(STRING);
    if (quoted === undefined) fail('a string is not closed, or holds a character that must be escaped');
    return JSON.parse(quoted) as string;
  }

  function expect(character: string): void {
    if (text[at] !== character) {
      fail(at >= text.length ? 'the text ends too early' : `'${character}' was expected`);
    }
    at += 1;
  }

  function match(pattern: RegExp): string | undefined {
    pattern.lastIndex = at;
    const found = pattern.exec(text)?.[0];
    at += found?.length ?? 0;
    return found;
  }

  function skipSpace(): void {
    while (at < text.length && ' \t\r\n'.includes(text[at] ?? '.')) at += 1;
  }

  function fail(message: string, offset = at): never {
    throw new JsonSyntaxError(message, offset);
  }
}
