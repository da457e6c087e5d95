import type { ArgumentSpec } from '../command/argument.ts';
import { GLOBAL_OPTIONS } from '../command/global-options.ts';
import { longName, type OptionSpec } from '../command/option.ts';
import type { CommandSpec, CommandTable } from '../command/spec.ts';

/** A word and what it means. */
export interface Word {
  readonly word: string;
  readonly help: string;
}

/** What a shell offers for one option. */
export interface CompletedOption {
  /** `-o` and `--output`, the short one first. */
  readonly names: readonly string[];
  readonly help: string;
  readonly takes: CompletedValue | undefined;
  readonly repeatable: boolean;
}

/** What a shell offers where a value stands. */
export interface CompletedValue {
  readonly placeholder: string;
  readonly choices: readonly string[];
  readonly files: 'file' | 'directory' | 'none';
}

/** What a shell offers after the words of `path`. */
export interface CompletedPlace {
  readonly path: readonly string[];
  readonly subcommands: readonly Word[];
  readonly options: readonly CompletedOption[];
  readonly positionals: readonly (CompletedValue & { readonly rest: boolean })[];
}

/** Every place a shell can stand in: the program, its groups, its commands, aliases as places of their own. */
export function completedPlaces(table: CommandTable): readonly CompletedPlace[] {
  const shown = table.commands.filter((spec) => !spec.hidden);
  const groups = table.groups.filter((group) => !group.hidden);
  const top = [
    ...groups.map((group) => ({ word: group.name, help: group.summary })),
    ...shown.filter((spec) => spec.path.length === 1).flatMap(wordsOf),
  ];
  return [
    place([], top),
    ...groups.map((group) =>
      place([group.name], shown.filter((spec) => isIn(spec, group.name)).flatMap(wordsOf)),
    ),
    ...shown.flatMap((spec) => pathsOf(spec).map((path) => commandPlace(spec, path))),
  ];
}

function place(path: readonly string[], subcommands: readonly Word[]): CompletedPlace {
  return { path, subcommands, options: globalOptions(), positionals: [] };
}

function commandPlace(spec: CommandSpec, path: readonly string[]): CompletedPlace {
  const own = Object.entries(spec.options).filter(([, option]) => option.hidden !== true);
  return {
    path,
    subcommands: [],
    options: [...own.map(([key, option]) => completedOption(key, option)), ...globalOptions()],
    positionals: Object.values(spec.arguments).map((argument) => ({
      ...completedValue(argument),
      rest: argument.presence === 'some' || argument.presence === 'rest',
    })),
  };
}

function globalOptions(): readonly CompletedOption[] {
  const own = Object.entries(GLOBAL_OPTIONS).map(([key, option]) => completedOption(key, option));
  return [
    ...own,
    { names: ['-h', '--help'], help: 'print help and end', takes: undefined, repeatable: false },
  ];
}

function completedOption(key: string, option: OptionSpec): CompletedOption {
  return {
    names: [...(option.short === undefined ? [] : [`-${option.short}`]), longName(key)],
    help: option.help,
    takes: option.kind === 'flag' ? undefined : completedValue(option),
    repeatable: option.kind === 'list',
  };
}

function completedValue(from: ArgumentSpec | Exclude<OptionSpec, { kind: 'flag' }>): CompletedValue {
  const files = from.completion ?? 'none';
  return { placeholder: from.placeholder, choices: from.choices ?? [], files };
}

function isIn(spec: CommandSpec, group: string): boolean {
  return spec.path.length > 1 && spec.path[0] === group;
}

function pathsOf(spec: CommandSpec): readonly (readonly string[])[] {
  const parent = spec.path.slice(0, -1);
  return [spec.path, ...spec.aliases.map((alias) => [...parent, alias])];
}

function wordsOf(spec: CommandSpec): readonly Word[] {
  return pathsOf(spec).map((path) => ({ word: path.at(-1) ?? '', help: spec.summary }));
}
