import type { Clock, Operation } from '@slipway/core';
import type { Style } from '../output/style.ts';
import type { ArgumentSpec, ArgumentSpecs, ArgumentValue } from './argument.ts';
import type { ExitCode } from './exit-codes.ts';
import type { OptionSpecs, OptionValue } from './option.ts';

/** A worked call: what to type and why. */
export interface Example {
  readonly command: string;
  readonly why: string;
}

/** What a command gets besides its input. */
export interface CommandContext {
  /** Signal, progress and log, to be handed to the one function the command calls. */
  readonly operation: Operation;
  /** Writes data: the only way to standard output, with {@link printBytes}. */
  readonly print: (text: string) => void;
  /** The same for data that is not text, or long: resolves when its reader took it. */
  readonly printBytes: (bytes: Uint8Array) => Promise<void>;
  /** Colours for what is printed; plain when standard output is not a terminal. */
  readonly style: Style;
  readonly stdoutIsTerminal: boolean;
  /** The name the program was called by: `slipway` or `bootc`. */
  readonly invokedAs: string;
  /** `--verbose` was given. */
  readonly verbose: boolean;
  readonly clock: Clock;
  /** The table this command stands in. */
  readonly table: CommandTable;
}

/** A command's work; answers with an exit code. */
export type Handler<Input> = (input: Input, context: CommandContext) => Promise<number>;

/** Everything typed on the command line, by key, checked against the spec. */
export type ParsedInput = Readonly<Record<string, unknown>>;

/** One command of the table: parser, help, man page, completion and reference all come from this. */
export interface CommandSpec {
  /** Words after the program name: `['base', 'build']`. */
  readonly path: readonly [string, ...string[]];
  /** Other last words it answers to. */
  readonly aliases: readonly string[];
  /** One line, lower case, no full stop. */
  readonly summary: string;
  /** Paragraphs. */
  readonly description: readonly string[];
  readonly arguments: ArgumentSpecs;
  readonly options: OptionSpecs;
  readonly examples: readonly [Example, ...Example[]];
  /** What its exit codes mean beyond the shared list. */
  readonly exitCodes: readonly ExitCode[];
  /** The code of every failure but bugs and signals, where it keeps to another tool's; undefined: that of the error. */
  readonly failureExitCode: number | undefined;
  /** What `--json` prints; undefined for a command that answers with no data. */
  readonly json: string | undefined;
  readonly hidden: boolean;
  /** Loads the code of the command; nothing heavy is imported before. */
  readonly load: () => Promise<Handler<ParsedInput>>;
}

/** Commands under one word, such as `base`. */
export interface GroupSpec {
  readonly name: string;
  readonly summary: string;
  readonly hidden: boolean;
}

/** Everything the program can do, as data. */
export interface CommandTable {
  readonly groups: readonly GroupSpec[];
  readonly chapters: readonly Chapter[];
  /** Those of all chapters, in their order. */
  readonly commands: readonly CommandSpec[];
}

/** Commands that help lists together. */
export interface Chapter {
  readonly title: string;
  readonly commands: readonly CommandSpec[];
}

/** A table of what its chapters hold. */
export function commandTable(parts: Omit<CommandTable, 'commands'>): CommandTable {
  return { ...parts, commands: parts.chapters.flatMap(({ commands }) => commands) };
}

/** The input of a command, computed from its arguments and options. */
export type InputOf<A, O> = { readonly [K in keyof A]: ArgumentValue<A[K]> } & {
  readonly [K in keyof O]: OptionValue<O[K]>;
};

/** What is written for one command; what most commands do not have may be left out. */
export interface CommandDefinition<A extends ArgumentSpecs, O extends OptionSpecs> {
  readonly path: readonly [string, ...string[]];
  readonly aliases?: readonly string[];
  readonly summary: string;
  readonly description: readonly string[];
  readonly arguments: A;
  readonly options: O;
  readonly examples: readonly [Example, ...Example[]];
  readonly exitCodes?: readonly ExitCode[];
  readonly failureExitCode?: number;
  readonly json?: string;
  readonly hidden?: boolean;
  readonly load: () => Promise<Handler<InputOf<A, O>>>;
}

/** Makes a row of the table; the compiler holds the command's function to its arguments and options. */
export function defineCommand<const A extends ArgumentSpecs, const O extends OptionSpecs>(
  definition: CommandDefinition<A, O>,
): CommandSpec {
  return {
    aliases: [],
    exitCodes: [],
    failureExitCode: undefined,
    hidden: false,
    json: undefined,
    ...definition,
    // The parser builds exactly InputOf<A, O> from the same arguments and options.
    load: definition.load as () => Promise<Handler<ParsedInput>>,
  };
}

/** `slipway base build`. */
export function commandName(spec: CommandSpec, program: string = 'slipway'): string {
  return [program, ...spec.path].join(' ');
}

/** `IMAGE [COMMAND...]`: the arguments as a usage line shows them. */
export function argumentUsage({ presence, placeholder }: ArgumentSpec): string {
  const shown = presence === 'some' || presence === 'rest' ? `${placeholder}...` : placeholder;
  return presence === 'required' || presence === 'some' ? shown : `[${shown}]`;
}

/** `slipway image [OPTIONS] IMAGE`. */
export function usageLine(spec: CommandSpec, program: string = 'slipway'): string {
  return [commandName(spec, program), '[OPTIONS]', ...Object.values(spec.arguments).map(argumentUsage)].join(
    ' ',
  );
}
