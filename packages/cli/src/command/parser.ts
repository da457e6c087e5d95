import { VERSION } from '@slipway/core';
import { Argument, Command, CommanderError, Option } from 'commander';
import { renderGroupHelp, renderHelp, renderProgramHelp } from '../reference/help.ts';
import { GLOBAL_OPTIONS, type GlobalInput } from './global-options.ts';
import { longName, type OptionSpec, type OptionSpecs } from './option.ts';
import { type CommandSpec, type CommandTable, commandName, type ParsedInput } from './spec.ts';
import { groupTyped, usageError } from './usage-error.ts';
import { badValue } from './values.ts';

/** What a command line asks for. */
export type ParsedCommandLine =
  | {
      readonly kind: 'command';
      readonly spec: CommandSpec;
      readonly input: ParsedInput;
      readonly globals: GlobalInput;
    }
  /** Help or version: text for standard output and nothing else to do. */
  | { readonly kind: 'text'; readonly text: string };

/** Where the parser looks besides the arguments. */
export interface ParserOptions {
  readonly program: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Columns of the terminal help is for. */
  readonly widthColumns: number;
}

type RawValues = Readonly<Record<string, unknown>>;

/**
 * Understands a command line, wholly or not at all.
 *
 * @throws SlipwayError USAGE naming the command, what is wrong and what to type instead
 */
export function parseCommandLine(
  args: readonly string[],
  table: CommandTable,
  options: ParserOptions,
): ParsedCommandLine {
  const written: string[] = [];
  let found: ParsedCommandLine | undefined;
  const typed = args[0] === 'help' ? [...args.slice(1), '--help'] : args;
  const program = buildProgram(withoutNamesake(table, groupTyped(typed, table)), typed, options, {
    print: (text) => written.push(text),
    run: (spec, command) => {
      found = { kind: 'command', spec, ...readInput(spec, command, options) };
    },
  });
  try {
    program.parse([...typed], { from: 'user' });
  } catch (thrown) {
    if (!(thrown instanceof CommanderError)) throw thrown;
    if (thrown.exitCode === 0) return { kind: 'text', text: written.join('') };
    throw usageError(thrown, typed, table, options.program);
  }
  if (found === undefined) throw new Error('the parser ended without choosing a command');
  return found;
}

/** Of a group and a command with one name only the one that is meant: the parser knows one under each name. */
function withoutNamesake(table: CommandTable, meant: string | undefined): CommandTable {
  const commands = table.commands.filter(({ path }) => path.length > 1 || path[0] !== meant);
  const names = new Set(commands.flatMap(({ path }) => (path.length === 1 ? [path[0]] : [])));
  const groups = table.groups.filter(({ name }) => !names.has(name));
  const kept = new Set(groups.map(({ name }) => name));
  return {
    ...table,
    groups,
    commands: commands.filter(({ path }) => path.length === 1 || kept.has(path[0])),
  };
}

interface ProgramCallbacks {
  readonly print: (text: string) => void;
  readonly run: (spec: CommandSpec, command: Command) => void;
}

/** What none of the typed words names is there with its name alone, as something that may have been meant: it cannot be what runs. */
function buildProgram(
  table: CommandTable,
  typed: readonly string[],
  options: ParserOptions,
  callbacks: ProgramCallbacks,
): Command {
  const prepare = (command: Command, renderedHelp: () => string): Command => {
    command.exitOverride();
    command.helpOption('-h, --help').helpCommand(false).enablePositionalOptions();
    command.configureOutput({ writeOut: callbacks.print, writeErr: ignore, outputError: ignore });
    command.configureHelp({ formatHelp: renderedHelp });
    addOptions(command, GLOBAL_OPTIONS, options.env);
    return command;
  };
  const program = prepare(new Command(options.program), () =>
    renderProgramHelp(table, options.program, options.widthColumns),
  );
  program.version(`${options.program} ${VERSION}`, '-V, --version');
  const groups = new Map<string, Command>();
  for (const group of table.groups) {
    const command = new Command(group.name);
    if (typed.includes(group.name)) {
      prepare(command, () => renderGroupHelp(group, table, options.program, options.widthColumns));
    }
    groups.set(group.name, command);
    program.addCommand(command, { hidden: group.hidden });
  }
  for (const spec of table.commands) {
    const parent = spec.path.length === 1 ? program : groups.get(spec.path[0]);
    if (parent === undefined) throw new Error(`no group for ${commandName(spec)}`);
    const name = spec.path.at(-1) ?? '';
    const command = new Command(name).aliases(spec.aliases);
    if ([name, ...spec.aliases].some((word) => typed.includes(word))) {
      prepare(command, () => renderHelp(spec, options.program, options.widthColumns));
      addArguments(command, spec);
      addOptions(command, spec.options, options.env);
      command.action(() => callbacks.run(spec, command));
    }
    parent.addCommand(command, { hidden: spec.hidden });
  }
  return program;
}

function addArguments(command: Command, spec: CommandSpec): void {
  for (const { presence, placeholder } of Object.values(spec.arguments)) {
    const shown = presence === 'some' || presence === 'rest' ? `${placeholder}...` : placeholder;
    const needed = presence === 'required' || presence === 'some';
    command.addArgument(new Argument(needed ? `<${shown}>` : `[${shown}]`));
  }
}

function addOptions(command: Command, specs: OptionSpecs, env: ParserOptions['env']): void {
  for (const [key, spec] of Object.entries(specs)) {
    const names = spec.short === undefined ? longName(key) : `-${spec.short}, ${longName(key)}`;
    const option = new Option(spec.kind === 'flag' ? names : `${names} <${spec.placeholder}>`);
    // `--no-reboot` is an option of its own here; commander would take it for the negation of `--reboot`, and tell under that name.
    option.negate = false;
    option.conflicts([...(spec.conflicts ?? [])]);
    option.makeOptionMandatory(isRequired(spec, env));
    if (spec.kind === 'list') {
      option.argParser((text, before: readonly string[] | undefined) => [...(before ?? []), text]);
    }
    command.addOption(option);
  }
}

function isRequired(spec: OptionSpec, env: ParserOptions['env']): boolean {
  return spec.kind === 'value' && spec.presence === 'required' && fromEnvironment(spec, env) === undefined;
}

function readInput(
  spec: CommandSpec,
  command: Command,
  { env }: ParserOptions,
): { readonly input: ParsedInput; readonly globals: GlobalInput } {
  const own = command.opts<RawValues>();
  // Global options are taken before and after the command's name; what stands nearer to the end wins.
  const all = { ...command.parent?.parent?.opts<RawValues>(), ...command.parent?.opts<RawValues>(), ...own };
  const input: Record<string, unknown> = {};
  for (const [key, option] of Object.entries(spec.options)) input[key] = optionValue(key, option, own, env);
  const processed: readonly unknown[] = command.processedArgs;
  for (const [index, [key, argument]] of Object.entries(spec.arguments).entries()) {
    input[key] = argumentValue(argument.placeholder, argument.choices, processed[index]);
  }
  const globals: Record<string, unknown> = {};
  for (const [key, option] of Object.entries(GLOBAL_OPTIONS))
    globals[key] = optionValue(key, option, all, env);
  return { input, globals: globals as unknown as GlobalInput };
}

function argumentValue(placeholder: string, choices: readonly string[] | undefined, typed: unknown): unknown {
  if (typeof typed === 'string' && choices !== undefined && !choices.includes(typed)) {
    throw badValue(placeholder, typed, `choose one of: ${choices.join(', ')}`);
  }
  return typed;
}

function optionValue(key: string, option: OptionSpec, raw: RawValues, env: ParserOptions['env']): unknown {
  const typed = raw[key];
  if (option.kind === 'flag') return typed === true;
  const parse = (text: string, origin: string): unknown => {
    if (option.choices !== undefined && !option.choices.includes(text)) {
      throw badValue(origin, text, `choose one of: ${option.choices.join(', ')}`);
    }
    return option.parse(text, origin);
  };
  if (option.kind === 'list') {
    const texts: readonly string[] = Array.isArray(typed) ? typed : (option.default ?? []);
    return texts.map((text) => parse(text, longName(key)));
  }
  if (typeof typed === 'string') return parse(typed, longName(key));
  const inherited = fromEnvironment(option, env);
  if (inherited !== undefined) return parse(inherited, option.env ?? key);
  return option.presence === 'defaulted' ? parse(option.default, longName(key)) : undefined;
}

function fromEnvironment(option: OptionSpec, env: ParserOptions['env']): string | undefined {
  if (option.kind === 'flag' || option.env === undefined) return undefined;
  const found = env[option.env];
  return found === '' ? undefined : found;
}

function ignore(): void {
  // What commander would write to standard error is rendered by us from the error it throws.
}
