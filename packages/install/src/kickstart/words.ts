/** Words of a line, or why it has none. */
export type SplitLine =
  | { readonly kind: 'words'; readonly words: readonly string[] }
  | { readonly kind: 'error'; readonly message: string };

/**
 * Splits a line of commands as a POSIX shell would, without expanding anything: quotes, backslashes, and `#` to the end, which begins a
 * comment inside a word as well.
 */
export function splitWords(line: string): SplitLine {
  const words: string[] = [];
  let word: string | undefined;
  for (let at = 0; at < line.length; at += 1) {
    const character = line[at] ?? '';
    if (character === '#') break;
    if (/\s/.test(character)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else if (character === '\\') {
      at += 1;
      if (at >= line.length)
        return {
          kind: 'error',
          message: 'nothing follows the backslash at the end of the line; a command has one line',
        };
      word = (word ?? '') + line[at];
    } else if (character === "'") {
      const end = line.indexOf("'", at + 1);
      if (end < 0) return { kind: 'error', message: "a quotation begun with ' is not closed" };
      word = (word ?? '') + line.slice(at + 1, end);
      at = end;
    } else if (character === '"') {
      const quoted = doubleQuoted(line, at + 1);
      if (quoted === undefined) return { kind: 'error', message: 'a quotation begun with " is not closed' };
      word = (word ?? '') + quoted.text;
      at = quoted.end;
    } else {
      word = (word ?? '') + character;
    }
  }
  if (word !== undefined) words.push(word);
  return { kind: 'words', words };
}

/** Between double quotes a backslash protects only itself and the quote. */
function doubleQuoted(
  line: string,
  start: number,
): { readonly text: string; readonly end: number } | undefined {
  let text = '';
  for (let at = start; at < line.length; at += 1) {
    const character = line[at] ?? '';
    if (character === '"') return { text, end: at };
    const next = line[at + 1];
    if (character === '\\' && (next === '"' || next === '\\')) {
      text += next;
      at += 1;
    } else {
      text += character;
    }
  }
  return undefined;
}

/** A word as {@link splitWords} reads it back. */
export function quoteWord(word: string): string {
  return /^[\w@%+=:,./^*~-]+$/.test(word) ? word : `"${word.replaceAll(/["\\]/g, '\\$&')}"`;
}
