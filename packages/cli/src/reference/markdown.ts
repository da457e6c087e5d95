import { ERRORS } from '@slipway/core';
import { EXIT_CODES } from '../command/exit-codes.ts';
import { type CommandSpec, type CommandTable, commandName, usageLine } from '../command/spec.ts';
import { exitRows, globalRows, optionRows, pageName, visible } from './help.ts';
import type { Page } from './man.ts';

const MADE = '<!-- Made by tools/docs/generate.ts from the command table; edit that, not this. -->';

/** `docs/reference/cli/`: one page a command and an index. */
export function commandPages(table: CommandTable): readonly Page[] {
  return [indexPage(table), ...table.commands.map(commandPage)];
}

/** `docs/reference/errors.md`: every error code, by exit code. */
export function errorsPage(): Page {
  const rows = Object.entries(ERRORS)
    .toSorted(([, a], [, b]) => a.exitCode - b.exitCode)
    .map(([code, error]) => [`\`${code}\``, String(error.exitCode), String(error.httpStatus), error.summary]);
  return page('errors.md', [
    '# Errors',
    'Every failure has a code that does not change between releases. On standard error it is part of the JSON form (`--json` or `--progress=json`) and of `--verbose`; programs branch on it, people read the message and the hint.',
    table(['code', 'exit code', 'HTTP status', 'when'], rows),
    '## Exit codes',
    table(
      ['exit code', 'meaning'],
      EXIT_CODES.map((each) => [String(each.code), each.meaning]),
    ),
  ]);
}

function indexPage(commands: CommandTable): Page {
  const row = (spec: CommandSpec): readonly string[] => [
    `[\`${commandName(spec)}\`](${pageName(spec)}.md)`,
    spec.summary,
  ];
  return page('index.md', [
    '# Command line',
    'Data goes to standard output, everything else to standard error. Every command that reads has `--json`. [Errors](../errors.md) have stable codes.',
    table(['command', 'what it does'], visible(commands).map(row)),
    '## Options of every command',
    table(['option', 'what it does'], codeRows(globalRows())),
    '## Commands of units and programs',
    table(['command', 'what it does'], commands.commands.filter((spec) => spec.hidden).map(row)),
  ]);
}

function commandPage(spec: CommandSpec): Page {
  const args = Object.values(spec.arguments).map((each) => [`\`${bars(each.placeholder)}\``, each.help]);
  const options = codeRows(optionRows(spec.options));
  const examples = spec.examples.map((each) => `# ${each.why}\n${each.command}`).join('\n\n');
  return page(`${pageName(spec)}.md`, [
    `# ${commandName(spec)}`,
    `${spec.summary.slice(0, 1).toUpperCase()}${spec.summary.slice(1)}.`,
    `\`\`\`text\n${usageLine(spec)}\n\`\`\``,
    ...spec.description,
    ...(spec.aliases.length === 0
      ? []
      : [`Also called ${spec.aliases.map((each) => `\`${each}\``).join(', ')}.`]),
    ...titled('## Arguments', ['argument', 'what it is'], args),
    ...titled('## Options', ['option', 'what it does'], options),
    '[Options of every command](index.md#options-of-every-command) are taken as well.',
    ...(spec.json === undefined ? [] : ['## Output', `With \`--json\`: ${spec.json}.`]),
    '## Examples',
    `\`\`\`sh\n${examples}\n\`\`\``,
    '## Exit codes',
    table(['exit code', 'meaning'], exitRows(spec)),
  ]);
}

function titled(
  title: string,
  head: readonly string[],
  rows: readonly (readonly string[])[],
): readonly string[] {
  return rows.length === 0 ? [] : [title, table(head, rows)];
}

function codeRows(rows: readonly (readonly [string, string])[]): readonly (readonly string[])[] {
  return rows.map(([left, right]) => [`\`${bars(left)}\``, right]);
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

/** A bar inside a cell would end it. */
function bars(text: string): string {
  return text.replaceAll('|', '\\|');
}

function page(name: string, parts: readonly string[]): Page {
  return { name, text: `${MADE}\n\n${parts.join('\n\n')}\n` };
}
