import { EXIT_CODES } from '../command/exit-codes.ts';
import { GLOBAL_OPTIONS } from '../command/global-options.ts';
import { type OptionSpecs, optionHelp, optionUsage } from '../command/option.ts';
import {
  type CommandSpec,
  type CommandTable,
  commandName,
  type GroupSpec,
  usageLine,
} from '../command/spec.ts';

/** A row of a two-column list. */
type Row = readonly [left: string, right: string];

const LEFT_LIMIT_COLUMNS = 26;

/** Help of one command. */
export function renderHelp(spec: CommandSpec, program: string, widthColumns: number): string {
  const args = Object.values(spec.arguments).map((argument): Row => [argument.placeholder, argument.help]);
  const aliases = spec.aliases.map((alias): Row => [alias, `the same as ${spec.path.at(-1)}`]);
  return sections(widthColumns, [
    `${capital(spec.summary)}.`,
    ['Usage', usageLine(spec, program)],
    ...spec.description,
    ['Arguments', args],
    ['Options', optionRows(spec.options)],
    ['Global options', globalRows()],
    ['Other names', aliases],
    `Examples:\n${spec.examples.map((example) => `  # ${example.why}\n  ${example.command}`).join('\n')}`,
    ['Exit codes', exitRows(spec)],
  ]);
}

/** Help of the program: every command, or the word several are under, one line each. */
export function renderProgramHelp(table: CommandTable, program: string, widthColumns: number): string {
  return sections(widthColumns, [
    'A whole Linux operating system as a container image: build it, deploy it, update it, roll it back.',
    ['Usage', `${program} [OPTIONS] COMMAND`],
    ...table.chapters.map(({ title, commands }): Section => [title, chapterRows(table, commands)]),
    ['Global options', [...globalRows(), ['-V, --version', 'print the version and end']]],
    ['Exit codes', exitRows(undefined)],
    `${program} COMMAND --help says more, with examples.`,
  ]);
}

/** A word with several commands under it is one row; what they are, its own help says. */
function chapterRows(table: CommandTable, commands: readonly CommandSpec[]): readonly Row[] {
  const rows = new Map<string, string>();
  for (const spec of commands.filter(({ hidden }) => !hidden)) {
    const members = table.commands.filter(({ path }) => path.length > 1 && path[0] === spec.path[0]);
    const group = members.length > 1 ? table.groups.find(({ name }) => name === spec.path[0]) : undefined;
    if (group === undefined || spec.path.length === 1) rows.set(spec.path.join(' '), spec.summary);
    else rows.set(`${group.name} …`, group.summary);
  }
  return [...rows];
}

/** Help of a word with commands under it. */
export function renderGroupHelp(
  group: GroupSpec,
  table: CommandTable,
  program: string,
  widthColumns: number,
): string {
  const members = table.commands.filter((spec) => spec.path.length > 1 && spec.path[0] === group.name);
  return sections(widthColumns, [
    `${capital(group.summary)}.`,
    ['Usage', `${program} ${group.name} COMMAND`],
    ['Commands', members.map((spec): Row => [spec.path.slice(1).join(' '), spec.summary])],
    `${program} ${group.name} COMMAND --help says more, with examples.`,
  ]);
}

/** Commands people are told about. */
export function visible(table: CommandTable): readonly CommandSpec[] {
  return table.commands.filter((spec) => !spec.hidden);
}

/** `slipway upgrade(1)` and so on: the exit codes of a command, its own meanings in place of the shared ones. */
export function exitRows(spec: CommandSpec | undefined): readonly Row[] {
  const own = new Map((spec?.exitCodes ?? []).map((exit) => [exit.code, exit.meaning]));
  // Codes 2 to 5 tell failures apart; a command that keeps to another tool has one for all of them.
  const kept = EXIT_CODES.filter(({ code }) => spec?.failureExitCode === undefined || code < 2 || code > 5);
  return kept.map((exit): Row => [String(exit.code), own.get(exit.code) ?? exit.meaning]);
}

/** Options as rows: how they are typed, what they do. */
export function optionRows(options: OptionSpecs): readonly Row[] {
  return Object.entries(options)
    .filter(([, option]) => option.hidden !== true)
    .map(([key, option]): Row => [optionUsage(key, option), optionHelp(option)]);
}

/** The options every command takes. */
export function globalRows(): readonly Row[] {
  return [...optionRows(GLOBAL_OPTIONS), ['-h, --help', 'print this help and end']];
}

/** `slipway-base-build`: the name of a command's page. */
export function pageName(spec: CommandSpec): string {
  return commandName(spec).replaceAll(' ', '-');
}

type Section = string | readonly [title: string, body: string | readonly Row[]];

function sections(widthColumns: number, parts: readonly Section[]): string {
  const width = Math.max(40, Math.min(widthColumns, 100));
  return `${parts
    .filter((part) => typeof part === 'string' || part[1].length > 0)
    .map((part) => {
      // Text with its own lines is left as it is: examples are to be copied.
      if (typeof part === 'string') return part.includes('\n') ? part : wrap(part, width, '');
      const [title, body] = part;
      return `${title}:\n${typeof body === 'string' ? wrap(body, width, '  ') : renderRows(body, width)}`;
    })
    .join('\n\n')}\n`;
}

function renderRows(rows: readonly Row[], width: number): string {
  const lengths = rows.map(([name]) => name.length).filter((length) => length <= LEFT_LIMIT_COLUMNS);
  const left = Math.max(...lengths, 4);
  const indent = ' '.repeat(left + 4);
  return rows
    .map(([name, text]) => {
      const wrapped = wrap(text, width, indent);
      return name.length > left
        ? `  ${name}\n${wrapped}`
        : `  ${name.padEnd(left)}  ${wrapped.slice(indent.length)}`;
    })
    .join('\n');
}

function wrap(text: string, width: number, indent: string): string {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && indent.length + line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return [...lines, line].map((each) => indent + each).join('\n');
}

function capital(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}
