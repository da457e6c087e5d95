/** What a shell offers where a value is typed. */
export type CompletionKind = 'file' | 'directory' | 'none';

interface OptionBase {
  /** One line for help, man page and reference: lower case, no full stop. */
  readonly help: string;
  /** One letter, without its dash. */
  readonly short?: string;
  /** Keys of options that make no sense beside this one. */
  readonly conflicts?: readonly string[];
  /** Accepted and not advertised. */
  readonly hidden?: boolean;
}

/** `--check`: present or not. */
export interface FlagOption extends OptionBase {
  readonly kind: 'flag';
}

interface ValueBase<T> extends OptionBase {
  /** What stands for the value in help: `FILE`, `SIZE`. */
  readonly placeholder: string;
  /** The only values there are, where they can be listed. */
  readonly choices?: readonly string[];
  /** What a shell completes; nothing when left out. */
  readonly completion?: CompletionKind;
  /** Environment variable read when the option is not given. */
  readonly env?: string;
  /** Turns the typed text into the value; throws SlipwayError USAGE. */
  readonly parse: (text: string, optionName: string) => T;
}

/** `--memory 2G`: at most one value. */
export interface OptionalValue<T> extends ValueBase<T> {
  readonly kind: 'value';
  readonly presence: 'optional';
}

/** `--release trixie`: has a value when none is given. */
export interface DefaultedValue<T> extends ValueBase<T> {
  readonly kind: 'value';
  readonly presence: 'defaulted';
  /** As it would be typed. */
  readonly default: string;
}

/** `-o DIR`: must be given. */
export interface RequiredValue<T> extends ValueBase<T> {
  readonly kind: 'value';
  readonly presence: 'required';
}

/** `--karg A --karg B`: as often as wanted. */
export interface ListOption<T> extends ValueBase<T> {
  readonly kind: 'list';
  /** What counts when it is not given, as it would be typed. */
  readonly default?: readonly string[];
}

/** One option of a command. */
export type OptionSpec<T = unknown> =
  | FlagOption
  | OptionalValue<T>
  | DefaultedValue<T>
  | RequiredValue<T>
  | ListOption<T>;

/** Options by camel-case key; `buildArg` is typed `--build-arg`. */
export type OptionSpecs = Readonly<Record<string, OptionSpec>>;

/** The type of an option's value in the hands of a command. */
export type OptionValue<O> = O extends FlagOption
  ? boolean
  : O extends ListOption<infer T>
    ? readonly T[]
    : O extends OptionalValue<infer T>
      ? T | undefined
      : O extends DefaultedValue<infer T> | RequiredValue<infer T>
        ? T
        : never;

/** What may be said about a value besides its type. */
export type ValueDetails = Omit<OptionBase, 'help'> & Pick<ValueBase<unknown>, 'completion' | 'env'>;

const asTyped = (text: string): string => text;

/** An option that is there or not. */
export function flag(help: string, details: Omit<OptionBase, 'help'> = {}): FlagOption {
  return { kind: 'flag', help, ...details };
}

/** An option with one value, undefined when not given. */
export function value(placeholder: string, help: string, details: ValueDetails = {}): OptionalValue<string> {
  return { kind: 'value', presence: 'optional', placeholder, help, ...details, parse: asTyped };
}

/** The same with a value when none is given. */
export function valueOr(
  fallback: string,
  placeholder: string,
  help: string,
  details: ValueDetails = {},
): DefaultedValue<string> {
  return { ...value(placeholder, help, details), presence: 'defaulted', default: fallback };
}

/** The same, read by `parse`, which throws SlipwayError USAGE. */
export function parsedValue<T>(
  parse: (text: string, optionName: string) => T,
  placeholder: string,
  help: string,
  details: ValueDetails = {},
): OptionalValue<T> {
  return { kind: 'value', presence: 'optional', placeholder, help, ...details, parse };
}

/** The same with a value when none is given, as it would be typed. */
export function parsedValueOr<T>(
  fallback: string,
  parse: (text: string, optionName: string) => T,
  placeholder: string,
  help: string,
  details: ValueDetails = {},
): DefaultedValue<T> {
  return { kind: 'value', presence: 'defaulted', default: fallback, placeholder, help, ...details, parse };
}

/** An option with one value that must be given. */
export function required(
  placeholder: string,
  help: string,
  details: ValueDetails = {},
): RequiredValue<string> {
  return { kind: 'value', presence: 'required', placeholder, help, ...details, parse: asTyped };
}

/** An option that may be given many times. */
export function list(placeholder: string, help: string, details: ValueDetails = {}): ListOption<string> {
  return { kind: 'list', placeholder, help, ...details, parse: asTyped };
}

/** The same, each read by `parse`, which throws SlipwayError USAGE. */
export function parsedList<T>(
  parse: (text: string, optionName: string) => T,
  placeholder: string,
  help: string,
  details: ValueDetails = {},
): ListOption<T> {
  return { kind: 'list', placeholder, help, ...details, parse };
}

/** An option with a value from a list; what is not in the list was refused before `parse` is called. */
export function choice<const C extends readonly string[]>(
  choices: C,
  help: string,
  details: ValueDetails = {},
): OptionalValue<C[number]> {
  return { ...value(placeholderOf(choices), help, details), choices, parse: (text) => text };
}

/** The same with a value when none is given. */
export function choiceOr<const C extends readonly string[]>(
  fallback: C[number],
  choices: C,
  help: string,
  details: ValueDetails = {},
): DefaultedValue<C[number]> {
  return { ...choice(choices, help, details), presence: 'defaulted', default: fallback };
}

/** The same, as often as wanted. */
export function choices<const C extends readonly string[]>(
  fallback: readonly C[number][],
  all: C,
  help: string,
  details: ValueDetails = {},
): ListOption<C[number]> {
  const base = list(placeholderOf(all), help, details);
  return { ...base, choices: all, default: fallback, parse: (text) => text };
}

function placeholderOf(all: readonly string[]): string {
  return all.join('|');
}

/** `buildArg` as it is typed: `--build-arg`. */
export function longName(key: string): string {
  return `--${key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** `-o, --output DIR`: the option as every page shows it. */
export function optionUsage(key: string, option: OptionSpec): string {
  const names = option.short === undefined ? longName(key) : `-${option.short}, ${longName(key)}`;
  return option.kind === 'flag' ? names : `${names} ${option.placeholder}`;
}

/** The help line with everything a reader must know besides: default, environment, repetition. */
export function optionHelp(option: OptionSpec): string {
  const notes: string[] = [];
  if (option.kind === 'list') notes.push('repeatable');
  if (option.kind === 'list' && option.default !== undefined) {
    notes.push(`default ${option.default.join(', ')}`);
  }
  if (option.kind === 'value' && option.presence === 'defaulted') notes.push(`default ${option.default}`);
  if (option.kind === 'value' && option.presence === 'required') notes.push('required');
  if (option.kind !== 'flag' && option.env !== undefined) notes.push(`environment ${option.env}`);
  return notes.length === 0 ? option.help : `${option.help} (${notes.join('; ')})`;
}
