import { type FieldPath, PositionIndex } from './position.ts';

/**
 * Where every key and list element of a TOML text stands.
 *
 * The text must be valid TOML 1.0 (another parser has accepted it): this only finds places and never refuses.
 */
export function tomlPositions(text: string): PositionIndex {
  const index = new PositionIndex(text);
  /** How many elements each array of tables has so far, by the path of the array. */
  const tableCounts = new Map<string, number>();
  let at = 0;
  let table: FieldPath = [];

  while (at < text.length) {
    skipBlank();
    if (at >= text.length) break;
    if (text[at] === '[') header();
    else assignment(table);
  }
  return index;

  /** `[a.b]` or `[[a.b]]`: what follows belongs to that table. */
  function header(): void {
    const start = at;
    const isArray = text.startsWith('[[', at);
    at += isArray ? 2 : 1;
    const keys = dottedKey();
    at += isArray ? 2 : 1;
    table = tablePath(keys, isArray, start);
  }

  function tablePath(keys: readonly Key[], isArray: boolean, start: number): FieldPath {
    let path: FieldPath = [];
    for (const [place, { name, offset }] of keys.entries()) {
      path = [...path, name];
      index.note(path, offset);
      const key = path.join('\0');
      const isNew = isArray && place === keys.length - 1;
      const count = tableCounts.get(key);
      if (!isNew && count === undefined) continue;
      const element = isNew ? (count ?? 0) : (count ?? 1) - 1;
      if (isNew) tableCounts.set(key, element + 1);
      path = [...path, element];
      index.note(path, isNew ? start : offset);
    }
    return path;
  }

  function assignment(parent: FieldPath): void {
    const keys = dottedKey();
    let path = parent;
    for (const { name, offset } of keys) {
      path = [...path, name];
      index.note(path, offset);
    }
    skipSpaces();
    at += 1; // the equals sign
    skipSpaces();
    value(path);
  }

  function value(path: FieldPath): void {
    const first = text[at];
    if (first === '"' || first === "'") skipString();
    else if (first === '[') list(path);
    else if (first === '{') inlineTable(path);
    else at = nextOf(/[,\]}#\r\n]/g);
  }

  function list(path: FieldPath): void {
    at += 1;
    for (let element = 0; at < text.length; element += 1) {
      skipBlank();
      if (text[at] === ']') break;
      index.note([...path, element], at);
      const before = at;
      value([...path, element]);
      // Only in what is no TOML after all.
      if (at === before) at += 1;
      skipBlank();
      if (text[at] === ',') at += 1;
    }
    at += 1;
  }

  function inlineTable(path: FieldPath): void {
    at += 1;
    while (at < text.length) {
      skipBlank();
      if (text[at] === '}') break;
      assignment(path);
      skipBlank();
      if (text[at] === ',') at += 1;
    }
    at += 1;
  }

  function dottedKey(): readonly Key[] {
    const keys: Key[] = [];
    for (;;) {
      skipSpaces();
      keys.push(simpleKey());
      skipSpaces();
      if (text[at] !== '.') return keys;
      at += 1;
    }
  }

  function simpleKey(): Key {
    const offset = at;
    const quote = text[at];
    if (quote === '"' || quote === "'") {
      skipString();
      const raw = text.slice(offset, at);
      return { name: quote === "'" ? raw.slice(1, -1) : unescaped(raw), offset };
    }
    at = Math.max(nextOf(/[^\w-]/g), at + 1);
    return { name: text.slice(offset, at), offset };
  }

  function skipString(): void {
    const quote = text[at] ?? '';
    const isLong = text.startsWith(quote.repeat(3), at);
    const end = isLong ? quote.repeat(3) : quote;
    at += end.length;
    while (at < text.length && !text.startsWith(end, at)) at += quote === '"' && text[at] === '\\' ? 2 : 1;
    at += end.length;
    // Up to two more quotes may belong to the content of a long string.
    if (isLong) while (text[at] === quote) at += 1;
  }

  function skipSpaces(): void {
    while (text[at] === ' ' || text[at] === '\t') at += 1;
  }

  /** Spaces, line ends and comments. */
  function skipBlank(): void {
    for (; at < text.length; at += 1) {
      const character = text[at] ?? '';
      if (character === '#') at = nextOf(/\n/g);
      else if (!/\s/.test(character)) return;
    }
  }

  function nextOf(pattern: RegExp): number {
    pattern.lastIndex = at;
    return pattern.exec(text)?.index ?? text.length;
  }
}

interface Key {
  readonly name: string;
  readonly offset: number;
}

function unescaped(quoted: string): string {
  try {
    const parsed: unknown = JSON.parse(quoted.replaceAll(/\\U([0-9a-fA-F]{8})/g, longEscape));
    return typeof parsed === 'string' ? parsed : quoted.slice(1, -1);
  } catch {
    return quoted.slice(1, -1);
  }
}

function longEscape(_all: string, hex: string): string {
  return String.fromCodePoint(Math.min(Number.parseInt(hex, 16), 0x10ffff));
}
