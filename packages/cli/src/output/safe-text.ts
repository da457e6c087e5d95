/** Control characters but newline and tab, C1 controls, and the marks that reorder what a reader sees. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the ones to find
// oxlint-disable-next-line no-control-regex -- these are the ones to find
const UNSAFE = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g;

/**
 * Text from outside made harmless for a terminal. Names in images and answers of registries end up in
 * messages; an escape sequence in one must be seen, not obeyed.
 */
export function safeText(text: string): string {
  return text.replace(UNSAFE, (found) => {
    const code = found.codePointAt(0) ?? 0;
    return code < 0x100
      ? `\\x${code.toString(16).padStart(2, '0')}`
      : `\\u${code.toString(16).padStart(4, '0')}`;
  });
}
