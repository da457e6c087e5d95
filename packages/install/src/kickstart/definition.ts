/** What the value of an option is. */
export type OptionKind = 'flag' | 'text' | 'int' | 'list' | 'bool' | 'maybe';

/** An option of a command or a section. */
export interface OptionDefinition {
  /** As it is typed, without dashes; the first name is the one it is known by. */
  readonly names: readonly string[];
  readonly kind: OptionKind;
  readonly choices: readonly string[] | undefined;
  readonly isRequired: boolean;
  readonly isDeprecated: boolean;
}

/**
 * Whether a command does something here:
 * `executable` is carried out; `known` is understood and does nothing; `deprecated` and `removed` say what they say.
 */
export type CommandStatus = 'executable' | 'known' | 'deprecated' | 'removed';

/** A command, or the head line of a section. */
export interface CommandDefinition {
  readonly name: string;
  readonly status: CommandStatus;
  readonly options: readonly OptionDefinition[];
  /** Words besides options: how many at least and at most. */
  readonly words: readonly [number, number];
  /** Whether every line of it counts; otherwise the last one does. */
  readonly isRepeatable: boolean;
  /** Options of which at most one may be given. */
  readonly exclusive: readonly (readonly string[])[];
  /** Options of which one must be given; `*` stands for a word. */
  readonly oneOf: readonly (readonly string[])[];
  /** An option, and one it makes no sense without. */
  readonly needs: readonly (readonly [string, string])[];
}

/** What may be said about a command besides its options. */
export interface CommandDetails {
  readonly status?: CommandStatus;
  readonly words?: readonly [number, number];
  readonly repeatable?: boolean;
  readonly exclusive?: readonly string[];
  readonly oneOf?: readonly string[];
  readonly needs?: readonly string[];
}

/**
 * Defines a command. Options are written as `name:kind`, several names as `a|b:kind`, choices as `name:=x/y`; `!` at the end
 * marks what must be given, `-` what is deprecated. Sets of options are written with spaces between.
 */
export function command(name: string, options: string, details: CommandDetails = {}): CommandDefinition {
  const set = (text: string): readonly string[] => text.split(' ');
  return {
    name,
    status: details.status ?? 'executable',
    options: options.split(/\s+/).filter(Boolean).map(option),
    words: details.words ?? [0, 0],
    isRepeatable: details.repeatable ?? false,
    exclusive: (details.exclusive ?? []).map(set),
    oneOf: (details.oneOf ?? []).map(set),
    needs: (details.needs ?? []).map((text) => {
      const [a = '', b = ''] = text.split(' ');
      return [a, b] as const;
    }),
  };
}

function option(text: string): OptionDefinition {
  const isRequired = text.endsWith('!');
  const isDeprecated = text.endsWith('-');
  const [names = '', kind = 'flag'] = (isRequired || isDeprecated ? text.slice(0, -1) : text).split(':');
  const choices = kind.startsWith('=') ? kind.slice(1).split('/') : undefined;
  return {
    names: names.split('|'),
    kind: choices === undefined ? (kind as OptionKind) : 'text',
    choices,
    isRequired,
    isDeprecated,
  };
}
