import { nearMiss } from '../config/near-miss.ts';
import type { CommandDefinition, OptionDefinition } from './definition.ts';

/** The value of an option; true for a flag, and for one whose value may be left out and was. */
export type OptionSetting = string | number | boolean | readonly string[];

/** A line of a file, understood. */
export interface ParsedLine {
  readonly words: readonly string[];
  readonly options: ReadonlyMap<string, OptionSetting>;
  readonly errors: readonly string[];
  readonly warnings: readonly string[];
}

const TRUE: readonly string[] = ['on', 'yes', 'true', '1'];
const FALSE: readonly string[] = ['off', 'no', 'false', '0'];

/**
 * Reads the options and words of a command: `--name value` and `--name=value`, names cut short where that leaves no doubt, `--` before
 * words that look like options. Everything wrong with the line is noted.
 */
export function parseOptions(definition: CommandDefinition, args: readonly string[]): ParsedLine {
  const words: string[] = [];
  const options = new Map<string, OptionSetting>();
  const errors: string[] = [];
  const warnings: string[] = [];
  for (let at = 0; at < args.length; at += 1) {
    const arg = args[at] ?? '';
    if (arg === '--') {
      words.push(...args.slice(at + 1));
      break;
    }
    if (
      !looksLikeOption(arg) ||
      (definition.options.length === 0 && definition.words[1] === Number.POSITIVE_INFINITY)
    ) {
      words.push(arg);
      continue;
    }
    const [typed, given] = splitAt(arg, '=');
    const found = findOption(definition, typed);
    if (typeof found === 'string') {
      errors.push(found);
      continue;
    }
    const name = found.names[0] ?? '';
    if (found.isDeprecated) warnings.push(`--${name} is deprecated and has no effect`);
    let value: string | undefined = given;
    const next = args[at + 1];
    if (found.kind === 'flag') {
      if (given !== undefined) errors.push(`--${name} takes no value`);
    } else if (given === undefined && next !== undefined && !looksLikeOption(next)) {
      value = next;
      at += 1;
    } else if (given === undefined && found.kind !== 'maybe') {
      errors.push(`--${name} needs a value`);
      continue;
    }
    const setting = settingOf(found, value);
    if (setting.kind === 'error') errors.push(setting.message);
    else
      options.set(
        name,
        found.kind === 'list'
          ? [...listOf(options.get(name), definition), ...listOf(setting.value)]
          : setting.value,
      );
  }
  errors.push(...rulesBroken(definition, words, options));
  return { words, options, errors, warnings };
}

/** Lists of the same option add up where every line counts for itself; the last one wins nowhere within a line. */
function listOf(setting: OptionSetting | undefined, definition?: CommandDefinition): readonly string[] {
  // An option given twice on one line: the last one counts, save for the firewall, whose ports and services add up.
  if (definition !== undefined && definition.name !== 'firewall') return [];
  return typeof setting === 'object' ? setting : [];
}

function looksLikeOption(arg: string): boolean {
  return (
    arg.startsWith('-') &&
    arg.length > 1 &&
    !/^-\d/.test(arg) &&
    !(arg.includes(' ') && !arg.startsWith('--'))
  );
}

function findOption(definition: CommandDefinition, typed: string): OptionDefinition | string {
  const names = definition.options.flatMap((each) => each.names.map((name) => `--${name}`));
  const named = (name: string): OptionDefinition | undefined =>
    definition.options.find((each) => each.names.includes(name.slice(2)));
  const exact = named(typed);
  if (exact !== undefined && typed.startsWith('--')) return exact;
  const beginning =
    typed.startsWith('--') && typed.length > 2 ? names.filter((name) => name.startsWith(typed)) : [];
  const meant = new Set(beginning.map(named));
  const [only] = meant;
  if (meant.size === 1 && only !== undefined) return only;
  if (meant.size > 1) return `${typed} could mean ${beginning.join(' or ')}`;
  const near = nearMiss(typed, names);
  return near === undefined
    ? `there is no option ${typed}`
    : `there is no option ${typed}, did you mean ${near}?`;
}

type Setting =
  | { readonly kind: 'value'; readonly value: OptionSetting }
  | { readonly kind: 'error'; readonly message: string };

function settingOf({ names, kind, choices }: OptionDefinition, text: string | undefined): Setting {
  const name = `--${names[0]}`;
  const error = (message: string): Setting => ({ kind: 'error', message });
  const value = (setting: OptionSetting): Setting => ({ kind: 'value', value: setting });
  if (kind === 'flag' || text === undefined) return value(true);
  if (choices !== undefined && !choices.includes(text)) {
    const near = nearMiss(text, choices);
    const words = `${name} must be one of ${choices.join(', ')}, not '${text}'`;
    return error(near === undefined ? words : `${words}; did you mean '${near}'?`);
  }
  if (kind === 'int') {
    const number = Number(text);
    return /^[+-]?\d+$/.test(text) && Number.isSafeInteger(number)
      ? value(number)
      : error(`${name} must be a whole number, not '${text}'`);
  }
  if (kind === 'bool') {
    const word = text.toLowerCase();
    if (!TRUE.includes(word) && !FALSE.includes(word))
      return error(`${name} must be yes or no, not '${text}'`);
    return value(TRUE.includes(word));
  }
  if (kind === 'list')
    return value(
      text
        .split(',')
        .map((each) => each.trim())
        .filter((each) => each !== ''),
    );
  return value(text);
}

function rulesBroken(
  definition: CommandDefinition,
  words: readonly string[],
  options: ReadonlyMap<string, OptionSetting>,
): readonly string[] {
  const broken: string[] = [];
  const [least, most] = definition.words;
  const extra = words[most];
  if (extra !== undefined)
    broken.push(
      most === 0
        ? `it takes no words: '${extra}'`
        : `one word too many: '${extra}'; put what belongs together in quotes`,
    );
  if (words.length < least) broken.push(least === 1 ? 'a word is missing' : `it needs ${least} words`);
  for (const { names, isRequired } of definition.options) {
    if (isRequired && !options.has(names[0] ?? '')) broken.push(`--${names[0]} is missing`);
  }
  for (const set of definition.exclusive) {
    const given = set.filter((name) => options.has(name));
    if (given.length > 1) broken.push(`${given.map((name) => `--${name}`).join(' and ')} exclude each other`);
  }
  for (const set of definition.oneOf) {
    const isGiven = set.some((name) => (name === '*' ? words.length > 0 : options.has(name)));
    if (!isGiven)
      broken.push(
        `one of ${set.map((name) => (name === '*' ? 'a word' : `--${name}`)).join(', ')} is needed`,
      );
  }
  for (const [name, other] of definition.needs) {
    if (options.has(name) && !options.has(other)) broken.push(`--${name} needs --${other}`);
  }
  return broken;
}

function splitAt(text: string, separator: string): readonly [string, string | undefined] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}
