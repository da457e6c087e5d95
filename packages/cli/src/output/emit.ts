import type { CommandContext } from '../command/spec.ts';
import { safeText } from './safe-text.ts';

/** Prints an answer: as one JSON document, or in words. */
export function emit<T>(
  context: CommandContext,
  input: { readonly json: boolean },
  answer: T,
  words: (answer: T) => readonly string[],
): void {
  if (input.json) context.print(`${JSON.stringify(answer, undefined, 2)}\n`);
  else for (const line of words(answer)) context.print(`${safeText(line)}\n`);
}
