import { VERSION } from '@slipway/core';
import { type OptionSpecs, optionHelp, optionUsage } from '../command/option.ts';
import { argumentUsage, type CommandSpec, type CommandTable, commandName } from '../command/spec.ts';
import { exitRows, globalRows, optionRows, pageName, visible } from './help.ts';

/** A file of the reference: its name and its text. */
export interface Page {
  readonly name: string;
  readonly text: string;
}

/** One page a command and one for the program, in section 1, for `man`. Hidden commands have theirs too. */
export function manPages(table: CommandTable): readonly Page[] {
  return [programPage(table), ...table.commands.map((spec) => commandPage(spec, table))];
}

function commandPage(spec: CommandSpec, table: CommandTable): Page {
  const name = pageName(spec);
  const others = visible(table).filter((other) => other !== spec && related(spec, other));
  return page(name, [
    section('NAME', `${name} \\- ${roff(spec.summary)}`),
    section('SYNOPSIS', synopsis(spec)),
    section('DESCRIPTION', spec.description.map(roff).join('\n.PP\n')),
    section(
      'ARGUMENTS',
      Object.values(spec.arguments)
        .map((each) => item(each.placeholder, each.help))
        .join('\n'),
    ),
    section('OPTIONS', optionItems(spec.options)),
    section(
      'GLOBAL OPTIONS',
      globalRows()
        .map(([left, right]) => item(left, right))
        .join('\n'),
    ),
    section(
      'OTHER NAMES',
      spec.aliases.map((alias) => roff([...spec.path.slice(0, -1), alias].join(' '))).join('\n.br\n'),
    ),
    section('OUTPUT', spec.json === undefined ? '' : roff(`With --json: ${spec.json}.`)),
    section(
      'EXIT STATUS',
      exitRows(spec)
        .map(([left, right]) => item(left, right))
        .join('\n'),
    ),
    section('EXAMPLES', spec.examples.map((each) => example(each.command, each.why)).join('\n')),
    section('SEE ALSO', ['slipway', ...others.map(pageName)].map((each) => `.BR ${each} (1)`).join('\n')),
  ]);
}

function programPage(table: CommandTable): Page {
  const rows = visible(table).map((spec) =>
    item(spec.path.join(' '), `${spec.summary}; see ${pageName(spec)}(1)`),
  );
  return page('slipway', [
    section('NAME', 'slipway \\- a whole Linux operating system as a container image'),
    section('SYNOPSIS', '.B slipway\n.RI [ OPTIONS ]\n.I COMMAND'),
    section(
      'DESCRIPTION',
      roff(
        'Builds an operating system from a Containerfile, turns the image into disks and machines, and keeps running hosts on it: updates are atomic, and a bad one goes back by itself.',
      ),
    ),
    section('COMMANDS', rows.join('\n')),
    section(
      'GLOBAL OPTIONS',
      globalRows()
        .map(([left, right]) => item(left, right))
        .join('\n'),
    ),
    section(
      'EXIT STATUS',
      exitRows(undefined)
        .map(([left, right]) => item(left, right))
        .join('\n'),
    ),
    section(
      'SEE ALSO',
      visible(table)
        .map((spec) => `.BR ${pageName(spec)} (1)`)
        .join('\n'),
    ),
  ]);
}

function page(name: string, sections: readonly string[]): Page {
  const head = `.TH "${name.toUpperCase()}" "1" "" "slipway ${VERSION}" "Slipway manual"\n.nh\n.ad l\n`;
  return { name: `${name}.1`, text: `${head}${sections.filter((each) => each !== '').join('\n')}\n` };
}

function section(title: string, body: string): string {
  return body === '' ? '' : `.SH ${title.includes(' ') ? `"${title}"` : title}\n${body}`;
}

function synopsis(spec: CommandSpec): string {
  const args = Object.values(spec.arguments).map((each) => `.I ${quoteArgument(argumentUsage(each))}`);
  return [`.B ${commandName(spec)}`, '.RI [ OPTIONS ]', ...args].join('\n');
}

function optionItems(options: OptionSpecs): string {
  if (optionRows(options).length === 0) return '';
  return Object.entries(options)
    .filter(([, option]) => option.hidden !== true)
    .map(([key, option]) => item(optionUsage(key, option), optionHelp(option)))
    .join('\n');
}

function item(left: string, right: string): string {
  return `.TP\n.B ${quoteArgument(left)}\n${roff(right)}`;
}

function example(command: string, why: string): string {
  return `.PP\n${roff(`${why.slice(0, 1).toUpperCase()}${why.slice(1)}:`)}\n.PP\n.RS 4\n.nf\n${roff(command)}\n.fi\n.RE`;
}

function related(spec: CommandSpec, other: CommandSpec): boolean {
  const mentions = [...spec.description, ...spec.examples.map((each) => each.command)].join(' ');
  return other.path[0] === spec.path[0] || mentions.includes(commandName(other));
}

/** Running text: backslashes and dashes as themselves, no line taken for a request. */
function roff(text: string): string {
  const escaped = text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll('~', '\\(ti')
    .replaceAll('^', '\\(ha')
    .replaceAll("'", '\\(aq');
  return /^[.']/.test(escaped) ? `\\&${escaped}` : escaped;
}

/** The argument of a macro: one word to roff, whatever is in it. */
function quoteArgument(text: string): string {
  return `"${roff(text).replaceAll('"', '\\(dq')}"`;
}
