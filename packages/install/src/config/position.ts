/** A place in a text, both counted from 1; columns in UTF-16 units. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** A way from the top of a document to a value: keys of tables and places in lists. */
export type FieldPath = readonly (string | number)[];

/** Something wrong with a configuration, and where. */
export interface ConfigProblem extends Position {
  /** As a person would write it: `customizations.user[0].name`. */
  readonly field: string;
  readonly message: string;
  /** Where it stands, when that is not the file that was read. */
  readonly file?: string;
}

/** Something wrong with a field, before it has a place. */
export interface FieldProblem {
  readonly path: FieldPath;
  readonly message: string;
}

/** Collects problems below one field. */
export type Report = (path: FieldPath, message: string) => void;

/** Where each key and each element of a list stands. */
export class PositionIndex {
  readonly #text: string;
  readonly #offsets = new Map<string, number>();
  #lineStarts: readonly number[] | undefined;

  constructor(text: string) {
    this.#text = text;
  }

  /** Notes where a field begins; the first place counts, later ones only add to it. */
  note(path: FieldPath, offset: number): void {
    const key = keyOf(path);
    if (!this.#offsets.has(key)) this.#offsets.set(key, offset);
  }

  /** Whether this very field stands in the text. */
  has(path: FieldPath): boolean {
    return this.#offsets.has(keyOf(path));
  }

  /** Where a field stands, or the nearest one around it: a missing field has no place of its own. */
  find(path: FieldPath): Position {
    for (let length = path.length; length > 0; length -= 1) {
      const offset = this.#offsets.get(keyOf(path.slice(0, length)));
      if (offset !== undefined) return this.at(offset);
    }
    return { line: 1, column: 1 };
  }

  /** The line and column of an offset. */
  at(offset: number): Position {
    this.#lineStarts ??= lineStartsOf(this.#text);
    let line = 0;
    for (let high = this.#lineStarts.length; line + 1 < high; ) {
      const middle = (line + high) >> 1;
      if ((this.#lineStarts[middle] ?? 0) <= offset) line = middle;
      else high = middle;
    }
    return { line: line + 1, column: offset - (this.#lineStarts[line] ?? 0) + 1 };
  }
}

/** A path in words: `customizations.user[0].name`; the whole document is `the file`. */
export function fieldName(path: FieldPath): string {
  let name = '';
  for (const part of path) {
    if (typeof part === 'number') name += `[${part}]`;
    else if (/^[\w-]+$/.test(part)) name += name === '' ? part : `.${part}`;
    else name += `[${JSON.stringify(part)}]`;
  }
  return name === '' ? 'the file' : name;
}

function keyOf(path: FieldPath): string {
  return path.map((part) => (typeof part === 'number' ? `#${part}` : `.${part}`)).join('\0');
}

function lineStartsOf(text: string): readonly number[] {
  const starts = [0];
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  return starts;
}
