import { isSlipwayError, type SlipwayError } from '@slipway/core';
import { describe, expect, test } from 'vitest';
import { argument, optionalArgument, restArguments, someArguments } from './argument.ts';
import { choice, choiceOr, choices, flag, list, parsedValue, required } from './option.ts';
import { type ParsedCommandLine, parseCommandLine } from './parser.ts';
import { type CommandTable, commandTable, defineCommand } from './spec.ts';
import { parseSizeBytes } from './values.ts';

const EXAMPLE = [{ command: 'slipway ship', why: 'for the test' }] as const;
const never = async (): Promise<never> => {
  throw new Error('a parser test runs nothing');
};

const TABLE: CommandTable = commandTable({
  groups: [
    { name: 'dock', summary: 'docks', hidden: false },
    { name: 'load', summary: 'loads', hidden: false },
  ],
  chapters: [
    {
      title: 'Work',
      commands: [
        defineCommand({
          path: ['ship'],
          aliases: ['boat'],
          summary: 'ship it',
          description: ['Ships.'],
          arguments: { image: argument('IMAGE', 'what'), command: restArguments('COMMAND', 'then') },
          options: {
            output: required('DIR', 'where', { short: 'o', env: 'SHIP_OUTPUT' }),
            dryRun: flag('only say', { conflicts: ['force'] }),
            force: flag('do'),
            type: choices(['raw'], ['raw', 'qcow2'], 'format'),
            karg: list('ARGUMENT', 'kernel argument'),
            size: parsedValue(parseSizeBytes, 'SIZE', 'how big'),
            tool: choice(['buildah', 'podman'], 'with what', { env: 'SHIP_TOOL' }),
            release: choiceOr('trixie', ['trixie', 'bookworm'], 'which'),
          },
          examples: EXAMPLE,
          load: never,
        }),
        defineCommand({
          path: ['load'],
          summary: 'load it',
          description: ['Loads.'],
          arguments: { from: argument('FROM', 'where'), to: optionalArgument('TO', 'where to') },
          options: {},
          examples: EXAMPLE,
          load: never,
        }),
        defineCommand({
          path: ['count'],
          summary: 'count them',
          description: ['Counts.'],
          arguments: { things: someArguments('THING', 'what') },
          options: {},
          examples: EXAMPLE,
          load: never,
        }),
        defineCommand({
          path: ['load', 'list'],
          summary: 'list loads',
          description: ['Lists.'],
          arguments: {},
          options: { all: flag('all of them'), noWait: flag('at once') },
          examples: EXAMPLE,
          load: never,
        }),
        defineCommand({
          path: ['dock', 'list'],
          summary: 'list docks',
          description: ['Lists.'],
          arguments: {},
          options: { json: flag('as JSON') },
          examples: EXAMPLE,
          load: never,
        }),
      ],
    },
  ],
});

function parse(line: string, env: Readonly<Record<string, string>> = {}): ParsedCommandLine {
  const args = line === '' ? [] : line.split(' ');
  return parseCommandLine(args, TABLE, { program: 'slipway', env, widthColumns: 80 });
}

function parsed(line: string, env: Readonly<Record<string, string>> = {}) {
  const result = parse(line, env);
  if (result.kind !== 'command') throw new Error(`no command: ${result.text}`);
  return result;
}

function refusal(line: string, env: Readonly<Record<string, string>> = {}): SlipwayError {
  try {
    parse(line, env);
  } catch (thrown) {
    if (isSlipwayError(thrown, 'USAGE')) return thrown;
    throw thrown;
  }
  throw new Error('not refused');
}

describe('what is understood', () => {
  test('a group with the name of a command, where its command follows', () => {
    expect(parsed('load list --all')).toMatchObject({
      spec: { path: ['load', 'list'] },
      input: { all: true },
    });
    expect(parsed('load a b')).toMatchObject({ spec: { path: ['load'] }, input: { from: 'a', to: 'b' } });
    expect(parsed('load ./list')).toMatchObject({ spec: { path: ['load'] }, input: { from: './list' } });
    expect(parse('load --help')).toMatchObject({ text: expect.stringContaining('FROM') });
    expect(parse('help load list')).toMatchObject({ text: expect.stringContaining('all of them') });
    expect(refusal('load').message).toBe("cannot run slipway load: missing required argument 'FROM'");
  });

  test('every kind of option, typed or left out', () => {
    const { spec, input } = parsed(
      'ship img -o out --size 1M --karg a --karg b=c --type qcow2 --tool podman',
    );
    expect(spec.path).toEqual(['ship']);
    expect(input).toEqual({
      image: 'img',
      command: [],
      output: 'out',
      dryRun: false,
      force: false,
      type: ['qcow2'],
      karg: ['a', 'b=c'],
      size: 2 ** 20,
      tool: 'podman',
      release: 'trixie',
    });
  });

  test('an option that begins with no', () => {
    expect(parsed('load list --no-wait').input).toEqual({ all: false, noWait: true });
    expect(parsed('load list').input).toEqual({ all: false, noWait: false });
  });

  test('defaults of lists and of single values', () => {
    expect(parsed('ship img -o out').input).toMatchObject({ type: ['raw'], karg: [], release: 'trixie' });
    expect(parsed('ship img -o out').input['size']).toBeUndefined();
  });

  test('what follows two dashes is passed through as it is', () => {
    const { input } = parsed('ship img -o out -- uname --all -o');
    expect(input).toMatchObject({ image: 'img', command: ['uname', '--all', '-o'], output: 'out' });
  });

  test('an equals sign, a glued short option, an alias', () => {
    expect(parsed('boat --output=x=y img').input).toMatchObject({ output: 'x=y' });
    expect(parsed('boat -oout img').input).toMatchObject({ output: 'out' });
  });

  test('an argument that may be left out, and one that may be many', () => {
    expect(parsed('load a').input).toEqual({ from: 'a', to: undefined });
    expect(parsed('load a -').input).toEqual({ from: 'a', to: '-' });
    expect(parsed('count a b').input).toEqual({ things: ['a', 'b'] });
    expect(refusal('count').message).toContain("missing required argument 'THING'");
    expect(refusal('load a b c').message).toContain('(takes 2, got 3)');
  });

  test('a command under a group', () => {
    expect(parsed('dock list --json')).toMatchObject({ input: { json: true } });
  });

  test('global options before and after the command; the later wins', () => {
    expect(parsed('--quiet dock list').globals.quiet).toBe(true);
    expect(parsed('dock -q list').globals.quiet).toBe(true);
    expect(parsed('dock list -q').globals.quiet).toBe(true);
    expect(parsed('--progress tty dock list --progress none').globals.progress).toBe('none');
    expect(parsed('--progress tty dock list').globals.progress).toBe('tty');
    expect(parsed('dock list').globals).toEqual({
      progress: 'auto',
      quiet: false,
      verbose: false,
      color: 'auto',
    });
  });

  test('the environment, below what is typed and above the default; empty counts as unset', () => {
    expect(parsed('ship img', { SHIP_OUTPUT: 'env' }).input['output']).toBe('env');
    expect(parsed('ship img -o typed', { SHIP_OUTPUT: 'env' }).input['output']).toBe('typed');
    expect(parsed('dock list', { SLIPWAY_PROGRESS: 'plain' }).globals.progress).toBe('plain');
    expect(parsed('dock list', { SLIPWAY_PROGRESS: '' }).globals.progress).toBe('auto');
  });
});

describe('what is refused, in one line', () => {
  test.each([
    ['', 'cannot run slipway: it needs a command'],
    ['dock', 'cannot run slipway dock: it needs a command'],
    ['shp', "cannot run slipway: unknown command 'shp'"],
    ['dock lits', "cannot run slipway dock: unknown command 'lits'"],
    ['ship -o out', "cannot run slipway ship: missing required argument 'IMAGE'"],
    ['ship img', "cannot run slipway ship: option '-o, --output DIR' must be given"],
    ['ship img -o', "cannot run slipway ship: option '-o, --output DIR' argument missing"],
    ['ship img -o out --forse', "cannot run slipway ship: unknown option '--forse'"],
    [
      'ship img -o out --dry-run --force',
      "cannot run slipway ship: option '--dry-run' cannot be used with option '--force'",
    ],
    ['dock list extra', "cannot run slipway dock list: too many arguments for 'list' (takes 0, got 1)"],
    ['ship img -o out --type vmdk', "cannot use 'vmdk' for --type"],
    ['ship img -o out --size huge', "cannot use 'huge' for --size"],
    ['dock list --progress=fancy', "cannot use 'fancy' for --progress"],
  ])('slipway %s', (line, message) => {
    const error = refusal(line);
    expect(error.message).toBe(message);
    expect(error.exitCode).toBe(2);
    expect(error.hint).not.toBe(undefined);
  });

  test('a slip of the finger is answered with what was meant', () => {
    expect(refusal('shp').hint).toContain('did you mean ship?');
    expect(refusal('ship img -o out --forse').hint).toContain('did you mean --force?');
    expect(refusal('ship img -o out --type vmdk').hint).toBe('choose one of: raw, qcow2');
  });

  test('a wrong value in the environment names its variable', () => {
    expect(refusal('ship img -o out', { SHIP_TOOL: 'make' }).message).toBe("cannot use 'make' for SHIP_TOOL");
  });
});

describe('help and version', () => {
  test.each(['--help', '-h', 'help'])('slipway %s lists the commands', (line) => {
    expect(parse(line)).toMatchObject({ kind: 'text', text: expect.stringContaining('dock list') });
  });
  test.each(['ship --help', 'help ship', 'ship -h img', '--verbose ship --help'])('slipway %s', (line) => {
    expect(parse(line)).toMatchObject({ kind: 'text', text: expect.stringMatching(/^Ship it\.\n/) });
  });
  test('help of a group lists what is in it', () => {
    expect(parse('help dock')).toMatchObject({ kind: 'text', text: expect.stringContaining('list docks') });
  });
  test('help wins over what is missing', () => {
    expect(parse('ship --help')).toMatchObject({ kind: 'text' });
  });
  test('version is one line', () => {
    expect(parse('--version')).toMatchObject({
      kind: 'text',
      text: expect.stringMatching(/^slipway \S+\n$/),
    });
  });
});
