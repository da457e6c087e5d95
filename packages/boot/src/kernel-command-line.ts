/**
 * Kernel command lines as the kernel parses them: blanks separate, double quotes protect blanks, nothing escapes a
 * quote, `-` and `_` are the same in a name, and what follows `--` belongs to the first process.
 */
import { SlipwayError } from '@slipway/core';

/** One argument. */
export interface KernelArgument {
  /** As written, quotes included. */
  readonly text: string;
  /** The name with `-` as `_`, without quotes: what two arguments are compared by. */
  readonly key: string;
  /** After the first `=`, without quotes; undefined for a bare word. */
  readonly value: string | undefined;
}

/** Arguments in order. */
export type KernelCommandLine = readonly KernelArgument[];

/** The deployment a command line selects. */
export interface ComposefsArgument {
  /** fs-verity digest of the EROFS image, lower-case hex. */
  readonly id: string;
  /** False for `composefs=?<id>`: the store may be on a file system without fs-verity. */
  readonly verityRequired: boolean;
}

/** What the kernel takes at most on x86 and arm64 is 2048 or more; the rest is a mistake. */
const MAX_COMMAND_LINE_BYTES = 16 * 1024;
const COMPOSEFS_VALUE = /^(\??)([0-9a-f]{64}|[0-9a-f]{128})$/;

/** @throws SlipwayError KERNEL_ARGUMENT_INVALID when a quote is not closed, a control character occurs, or it is too long */
export function parseKernelCommandLine(text: string): KernelCommandLine {
  if (text.length > MAX_COMMAND_LINE_BYTES) throw invalid(`${text.slice(0, 40)}…`, 'it is too long');
  const words: string[] = [];
  let word = '';
  let quoted = false;
  for (const character of text.trim()) {
    if (character === '"') quoted = !quoted;
    const blank = !quoted && /\s/.test(character);
    if (!blank) word += character;
    else if (word !== '') {
      words.push(word);
      word = '';
    }
  }
  if (quoted) throw invalid(text, 'a double quote is not closed');
  if (word !== '') words.push(word);
  return words.map(parseWord);
}

/** One argument from its text: `quiet`, `console=ttyS0`, `dyndbg="file a.c +p"`. */
export function kernelArgument(text: string): KernelArgument {
  const [argument, ...more] = parseKernelCommandLine(text);
  if (argument === undefined || more.length > 0) throw invalid(text, 'it is not one argument');
  return argument;
}

/** The text of a command line. */
export function formatKernelCommandLine(line: KernelCommandLine): string {
  return line.map((argument) => argument.text).join(' ');
}

/** The value of an argument, the last where it repeats, as most of the kernel reads it. */
export function kernelArgumentValue(line: KernelCommandLine, key: string): string | undefined {
  return line.findLast((argument) => argument.key === canonicalKey(key))?.value;
}

/** Replaces every argument of that name by one, in the place of the first, else before `--`. */
export function setKernelArgument(line: KernelCommandLine, argument: KernelArgument): KernelCommandLine {
  const first = line.findIndex(({ key }) => key === argument.key);
  if (first === -1) return appendKernelArguments(line, [argument]);
  return line.flatMap((old, index) => {
    if (old.key !== argument.key) return [old];
    return index === first ? [argument] : [];
  });
}

/** Without the arguments of that name. */
export function removeKernelArgument(line: KernelCommandLine, key: string): KernelCommandLine {
  return line.filter((argument) => argument.key !== canonicalKey(key));
}

/** With more arguments at the end, or before `--`. */
export function appendKernelArguments(line: KernelCommandLine, added: KernelCommandLine): KernelCommandLine {
  const end = line.findIndex(({ text }) => text === '--');
  return end === -1 ? [...line, ...added] : [...line.slice(0, end), ...added, ...line.slice(end)];
}

/**
 * The deployment a command line selects; undefined without `composefs=`.
 *
 * @throws SlipwayError KERNEL_ARGUMENT_INVALID when its value is not a digest
 */
export function composefsArgument(line: KernelCommandLine): ComposefsArgument | undefined {
  const value = kernelArgumentValue(line, 'composefs');
  if (value === undefined) return undefined;
  const [, mark, id] = COMPOSEFS_VALUE.exec(value) ?? [];
  if (id === undefined) throw invalid(`composefs=${value}`, 'it names no fs-verity digest');
  return { id, verityRequired: mark !== '?' };
}

/** Makes a command line select a deployment, keeping everything else. */
export function withComposefs(
  line: KernelCommandLine,
  { id, verityRequired }: ComposefsArgument,
): KernelCommandLine {
  return setKernelArgument(line, kernelArgument(`composefs=${verityRequired ? '' : '?'}${id}`));
}

/** The same name for the kernel: `-` and `_` do not differ. */
export function canonicalKey(key: string): string {
  return key.replaceAll('-', '_');
}

function parseWord(text: string): KernelArgument {
  if (/\p{Cc}/u.test(text)) throw invalid(text, 'it holds a control character');
  const plain = text.replaceAll('"', '');
  const equals = plain.indexOf('=');
  const name = equals === -1 ? plain : plain.slice(0, equals);
  return { text, key: canonicalKey(name), value: equals === -1 ? undefined : plain.slice(equals + 1) };
}

function invalid(text: string, why: string): SlipwayError {
  return new SlipwayError('KERNEL_ARGUMENT_INVALID', `cannot use the kernel argument ${text}: ${why}`, {
    hint: 'write key or key=value, with double quotes around blanks',
  });
}
