import { styleText } from 'node:util';

/** Ways text stands out on a terminal; every one returns the text unchanged where there is no colour. */
export interface Style {
  bold(text: string): string;
  dim(text: string): string;
  good(text: string): string;
  bad(text: string): string;
  warn(text: string): string;
}

/** No colour at all. */
export const plainStyle: Style = {
  bold: (text) => text,
  dim: (text) => text,
  good: (text) => text,
  bad: (text) => text,
  warn: (text) => text,
};

// The decision was made by useColour, so the stream styleText would look at is left out of it.
const ALWAYS = { validateStream: false } as const;

const colourStyle: Style = {
  bold: (text) => styleText('bold', text, ALWAYS),
  dim: (text) => styleText('dim', text, ALWAYS),
  good: (text) => styleText('green', text, ALWAYS),
  bad: (text) => styleText(['bold', 'red'], text, ALWAYS),
  warn: (text) => styleText('yellow', text, ALWAYS),
};

/** When to colour. */
export type ColourChoice = 'auto' | 'always' | 'never';

/** Decides for one stream: the flag first, then NO_COLOR (any non-empty value), then whether it is a terminal. */
export function styleFor(
  choice: ColourChoice,
  isTerminal: boolean,
  env: Readonly<Record<string, string | undefined>>,
): Style {
  if (choice === 'always') return colourStyle;
  if (choice === 'never' || !isTerminal) return plainStyle;
  const refused = (env['NO_COLOR'] ?? '') !== '' || env['TERM'] === 'dumb';
  return refused ? plainStyle : colourStyle;
}
