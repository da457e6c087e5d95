import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { VERSION } from '@slipway/core';
import { describe, expect, test } from 'vitest';
import { completionScript } from '../reference/completion.ts';
import { pageName, renderHelp } from '../reference/help.ts';
import { manPages } from '../reference/man.ts';
import { commandPages } from '../reference/markdown.ts';
import { longName } from './option.ts';
import { parseCommandLine } from './parser.ts';
import { type CommandSpec, commandName } from './spec.ts';
import { COMMAND_TABLE } from './table.ts';

const COMMANDS = COMMAND_TABLE.commands.map((spec) => ({ name: commandName(spec), spec }));
const MAN = new Map(manPages(COMMAND_TABLE).map((page) => [page.name, readable(page.text)]));
const MARKDOWN = new Map(commandPages(COMMAND_TABLE).map((page) => [page.name, page.text]));
const SCRIPTS = (['bash', 'zsh', 'fish'] as const).map((shell) =>
  completionScript(shell, COMMAND_TABLE, 'slipway'),
);

/** A man page as its reader sees dashes, tildes and quotes. */
function readable(roff: string): string {
  return roff.replaceAll('\\-', '-').replaceAll('\\(ti', '~').replaceAll('\\(aq', "'");
}

/** The words of the first command of an example, up to a pipe or a redirection. */
function wordsOf(command: string): readonly string[] {
  const [first = ''] = command.replace(/^source <\((.*)\)$/, '$1').split(/ [|>] /);
  return first.split(' ');
}

describe.each(COMMANDS)('$name', ({ spec }) => {
  test('has code to load', async () => {
    expect(typeof (await spec.load())).toBe('function');
  });

  test.each(spec.examples)('example: $command', ({ command }) => {
    const [program, ...args] = wordsOf(command);
    expect(program).toBe('slipway');
    const parsed = parseCommandLine(args, COMMAND_TABLE, { program: 'slipway', env: {}, widthColumns: 80 });
    expect(parsed).toMatchObject({ kind: 'command', spec: { path: spec.path } });
  });

  test('says everything in help, man page and reference', () => {
    const pages = [
      renderHelp(spec, 'slipway', 80),
      MAN.get(`${pageName(spec)}.1`) ?? '',
      MARKDOWN.get(`${pageName(spec)}.md`) ?? '',
    ];
    for (const page of pages) {
      for (const word of documentedWords(spec)) expect(page).toContain(word);
      for (const example of spec.examples) expect(page).toContain(example.command);
    }
  });

  test('is written in the voice of the others', () => {
    const options = Object.values(spec.options).map((option) => option.help);
    const lines = [spec.summary, ...options, ...Object.values(spec.arguments).map((each) => each.help)];
    for (const line of lines) expect(line).toMatch(/^[^A-Z].*[^.]$/);
    for (const paragraph of spec.description) expect(paragraph).toMatch(/^[A-Z].*\.$/);
  });

  test('is completed by every shell, unless hidden', () => {
    for (const script of SCRIPTS) {
      if (spec.hidden) expect(script).not.toContain(spec.summary);
      else for (const key of Object.keys(spec.options)) expect(script).toContain(longName(key).slice(2));
    }
  });
});

function documentedWords(spec: CommandSpec): readonly string[] {
  const options = Object.entries(spec.options).filter(([, option]) => option.hidden !== true);
  return [
    ...options.map(([key]) => longName(key)),
    ...options.flatMap(([, option]) => (option.short === undefined ? [] : [`-${option.short}`])),
    ...spec.aliases,
  ];
}

describe('the table', () => {
  test('names no command twice', () => {
    const names = COMMAND_TABLE.commands.flatMap((spec) => [
      spec.path.join(' '),
      ...spec.aliases.map((alias) => [...spec.path.slice(0, -1), alias].join(' ')),
    ]);
    expect(new Set(names).size).toBe(names.length);
  });

  test('has no argument under the name of an option', () => {
    for (const { spec } of COMMANDS) {
      const keys = [...Object.keys(spec.arguments), ...Object.keys(spec.options)];
      expect(new Set(keys).size).toBe(keys.length);
    }
  });

  test('puts no option under a short or long name every command has', () => {
    for (const { spec } of COMMANDS) {
      const shorts = Object.values(spec.options).map((option) => option.short);
      for (const taken of ['h', 'q', 'v', 'V']) expect(shorts).not.toContain(taken);
      for (const taken of ['help', 'version', 'progress', 'quiet', 'verbose', 'color']) {
        expect(Object.keys(spec.options)).not.toContain(taken);
      }
    }
  });

  test('gives every command that answers with data a --json', () => {
    for (const { spec } of COMMANDS) expect('json' in spec.options).toBe(spec.json !== undefined);
  });

  test('refers to options that exist', () => {
    for (const { spec } of COMMANDS) {
      for (const option of Object.values(spec.options)) {
        for (const other of option.conflicts ?? []) expect(Object.keys(spec.options)).toContain(other);
      }
    }
  });

  test('is of the version of the package', async () => {
    const text = await readFile(join(import.meta.dirname, '..', '..', 'package.json'), 'utf8');
    expect(JSON.parse(text)).toMatchObject({ version: VERSION });
  });
});
