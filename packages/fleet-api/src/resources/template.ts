import type { Labels } from './labels.ts';

/** What a template may know of a device. */
export interface TemplateDevice {
  readonly name: string;
  readonly labels: Labels;
}

/** A template that was filled in, or the label it needs and the device lacks. */
export type FilledTemplate = { readonly text: string } | { readonly missing: string };

/**
 * All of the language: `{{ .name }}` and `{{ .labels.site }}`; the dot at the start may be left out. Two braces that begin nothing of
 * that are a mistake, never text, so that a misspelt name is found before a device has it in a file.
 */
const PLACE = /\{\{(?:\s*\.?(?:(?<name>name)|labels\.(?<label>[A-Za-z0-9._/-]+))\s*\}\})?/g;
const BARE = '{{';
const SHOWN_CHARACTERS = 40;

/** What is wrong with the first placeholder that is none, and in which line; undefined: nothing. */
export function templateFault(text: string): string | undefined {
  for (const { 0: found, index } of text.matchAll(PLACE)) {
    if (found !== BARE) continue;
    const line = text.slice(0, index).split('\n').length;
    const shown = text.slice(index, index + SHOWN_CHARACTERS).split('\n')[0] ?? '';
    return `line ${line}: ${JSON.stringify(shown)} is neither {{ .name }} nor {{ .labels.NAME }}; with "template: false" braces stay`;
  }
  return undefined;
}

/**
 * Fills a template in, once: what a label brings in is text, whatever it looks like.
 *
 * @param write how a value is written where it goes, such as `encodeURIComponent`
 */
export function fillTemplate(
  text: string,
  { name, labels }: TemplateDevice,
  write: (value: string) => string = String,
): FilledTemplate {
  let missing: string | undefined;
  const filled = text.replace(PLACE, (found, isName: string | undefined, label: string | undefined) => {
    if (isName !== undefined) return write(name);
    if (label === undefined) return found;
    if (Object.hasOwn(labels, label)) return write(labels[label] ?? '');
    missing ??= label;
    return '';
  });
  return missing === undefined ? { text: filled } : { missing };
}

/** The text with something in every place, to see whether what comes of it can be right. */
export function templateSample(text: string): string {
  return text.replace(PLACE, (found) => (found === BARE ? found : 'x'));
}
