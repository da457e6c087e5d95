import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { COMMANDS, SECTIONS } from './commands.ts';
import type { CommandDefinition, OptionDefinition } from './definition.ts';
import { parseOptions } from './options.ts';
import { type KickstartDocument, parseKickstart } from './parser.ts';
import { quoteWord, splitWords } from './words.ts';

async function parsed(
  text: string,
  files: Readonly<Record<string, string>> = {},
): Promise<KickstartDocument> {
  return await parseKickstart('ks.cfg', text, async (name) => {
    const found = files[name];
    if (found === undefined) throw new Error('no such file');
    return { name, text: found };
  });
}

async function problems(
  text: string,
  files: Readonly<Record<string, string>> = {},
): Promise<readonly string[]> {
  const { problems: found } = await parsed(text, files);
  return found.map(({ severity, file, line, message }) => `${file}:${line}: ${severity}: ${message}`);
}

describe('words', () => {
  test.each<[string, readonly string[]]>([
    ['a  b\tc', ['a', 'b', 'c']],
    [`'a b' "c d"e`, ['a b', 'c de']],
    [String.raw`"a\"b\\c\d" \ x`, [String.raw`a"b\c\d`, ' x']],
    [`a '#' # rest "open`, ['a', '#']],
    ['a#b c', ['a']],
    [`"" ''`, ['', '']],
    ["--x='y z'", ['--x=y z']],
  ])('of %s', (line, expected) => {
    expect(splitWords(line)).toEqual({ kind: 'words', words: expected });
  });

  test.each(["a 'b", 'a "b', 'a \\'])('%s is an error', (line) => {
    expect(splitWords(line).kind).toBe('error');
  });

  test('quoted are read back', () => {
    fc.assert(
      fc.property(fc.array(fc.string().filter((word) => !/[\r\n]/.test(word))), (words) => {
        expect(splitWords(words.map(quoteWord).join(' '))).toEqual({ kind: 'words', words });
      }),
    );
  });
});

const DEFINITIONS: readonly CommandDefinition[] = [...COMMANDS.values(), ...SECTIONS.values()];
const OPTIONS = DEFINITIONS.flatMap((definition) =>
  definition.options.flatMap((option) =>
    option.names.map((name) => [`${definition.name} --${name}`, definition, option, name] as const),
  ),
);

/** What is said about one option alone, without the rules about others. */
function said(definition: CommandDefinition, args: readonly string[]): readonly string[] {
  const alone = {
    ...definition,
    exclusive: [],
    oneOf: [],
    needs: [],
    words: [0, 9] as const,
    options: definition.options.map((each) => ({ ...each, isRequired: false })),
  };
  return parseOptions(alone, args).errors;
}

function valueFor({ kind, choices }: OptionDefinition): string {
  if (choices !== undefined) return choices[0] ?? '';
  return kind === 'int' ? '7' : kind === 'bool' ? 'yes' : 'a,b';
}

describe('every option of every command and section', () => {
  test('there are as many commands as kickstart has', () => {
    expect(COMMANDS.size).toBeGreaterThanOrEqual(73);
    expect(OPTIONS.length).toBeGreaterThan(290);
  });

  test.each(OPTIONS)('%s', (_title, definition, option, name) => {
    const own = option.names[0] ?? '';
    const value = valueFor(option);
    if (option.kind === 'flag') {
      expect(said(definition, [`--${name}`])).toEqual([]);
      expect(said(definition, [`--${name}=x`])).toEqual([`--${own} takes no value`]);
    } else {
      const equals = parseOptions(definition, [`--${name}=${value}`]).options.get(own);
      expect(said(definition, [`--${name}=${value}`])).toEqual([]);
      expect(parseOptions(definition, [`--${name}`, value]).options.get(own)).toEqual(equals);
      if (option.kind !== 'maybe')
        expect(said(definition, [`--${name}`])).toEqual([`--${own} needs a value`]);
      if (option.kind === 'int')
        expect(said(definition, [`--${name}=10G`])).toEqual([`--${own} must be a whole number, not '10G'`]);
      if (option.kind === 'bool')
        expect(said(definition, [`--${name}=maybe`])).toEqual([`--${own} must be yes or no, not 'maybe'`]);
      if (option.choices !== undefined)
        expect(said(definition, [`--${name}=!`])[0]).toContain(`--${own} must be one of`);
    }
    const warnings = parseOptions(definition, [`--${name}`, value]).warnings;
    expect(warnings).toEqual(option.isDeprecated ? [`--${own} is deprecated and has no effect`] : []);
    if (option.isRequired) expect(parseOptions(definition, []).errors).toContain(`--${own} is missing`);
    // A name may be cut short where no other begins like it.
    const short = name.slice(0, -1);
    const others = definition.options.filter(
      (each) => each !== option && each.names.some((other) => other.startsWith(short)),
    );
    if (short.length > 1 && others.length === 0 && option.kind === 'flag')
      expect(said(definition, [`--${short}`])).toEqual([]);
    expect(said(definition, [`--${name}x9`])[0]).toContain(`there is no option --${name}x9`);
  });

  test.each(DEFINITIONS.flatMap((each) => each.exclusive.map((set) => [each.name, set] as const)))(
    '%s: %s exclude each other',
    (name, set) => {
      const definition = COMMANDS.get(name) ?? SECTIONS.get(name);
      if (definition === undefined) throw new Error(name);
      const args = set.slice(0, 2).map((each) => {
        const option = definition.options.find(({ names }) => names[0] === each);
        if (option === undefined) throw new Error(`${name} --${each}`);
        return option.kind === 'flag' ? `--${each}` : `--${each}=${valueFor(option)}`;
      });
      expect(parseOptions(definition, args).errors.join()).toContain('exclude each other');
    },
  );

  test.each(
    DEFINITIONS.flatMap((each) =>
      [...each.needs.flat(), ...each.oneOf.flat()].map((option) => [each.name, option] as const),
    ),
  )('a rule of %s names an option it has: %s', (name, option) => {
    const definition = COMMANDS.get(name) ?? SECTIONS.get(name);
    expect(option === '*' || definition?.options.some(({ names }) => names[0] === option)).toBe(true);
  });
});

describe('lines', () => {
  test.each<[string, readonly string[]]>([
    ['lang', ['lang: a word is missing']],
    ['lang a b', ["lang: one word too many: 'b'; put what belongs together in quotes"]],
    ['keyboard', ['keyboard: one of --vckeymap, --xlayouts, a word is needed']],
    ['timezone', ['timezone: one of --utc, a word is needed']],
    ['timezone Europe/Berlin --isUtc', []],
    [
      'timesource --ntp-disable --ntp-pool=a',
      ['timesource: --ntp-pool and --ntp-disable exclude each other'],
    ],
    [
      'sshkey --username=a ssh-rsa AAAA me',
      ["sshkey: one word too many: 'AAAA'; put what belongs together in quotes"],
    ],
    ['rootpw', ['rootpw: one of --lock, a word is needed']],
    ['rootpw --lock', []],
    ['user --gid=5', ['user: --name is missing']],
    ['part / --size=10G', ["part: --size must be a whole number, not '10G'"]],
    ['part / --resize', ['part: --resize needs --onpart', 'part: --resize needs --size']],
    [
      'part / --encrypted --pbkdf-time=1 --pbkdf-iterations=2',
      ['part: --pbkdf-time and --pbkdf-iterations exclude each other'],
    ],
    ['autopart --typ=plain', []],
    ['autopart --no', ['autopart: --no could mean --nohome or --noboot or --noswap or --nolvm']],
    [
      'autopart --type=lwm',
      ["autopart: --type must be one of lvm, btrfs, plain, partition, thinp, not 'lwm'; did you mean 'lvm'?"],
    ],
    ['services --enable=x', []],
    ['services', ['services: one of --enabled, --disabled is needed']],
    ['ignoredisk', ['ignoredisk: one of --drives, --only-use is needed']],
    ['zerombr yes', ["zerombr: it takes no words: 'yes'"]],
    ['mount /dev/sda1', ['mount: it needs 2 words']],
    ['mount /dev/sda1 / --mkfsoptions=x', ['mount: --mkfsoptions needs --reformat']],
    ['mount /dev/sda1 / --reformat', []],
    [
      'logvol / --vgname=a --name=b',
      ['logvol: one of --size, --percent, --recommended, --hibernation, --useexisting, --noformat is needed'],
    ],
    ['logvol / --vgname=a --name=b --size=1 --thin', ['logvol: --thin needs --poolname']],
    ['raid / --level=1 raid.1', ['raid: --device is missing']],
    ['btrfs / --subvol x', ['btrfs: --subvol needs --name']],
    ['bootc', ['bootc: --source-imgref is missing']],
    ['bootloader --extlinux --sdboot', ['bootloader: --extlinux and --sdboot exclude each other']],
    ['firewall --enabled --disabled', ['firewall: --enabled and --disabled exclude each other']],
    ['reboot -x', ['reboot: there is no option -x']],
    ['timezon UTC', ["there is no command 'timezon', did you mean 'timezone'?"]],
    ['install', ['install: the command was removed from kickstart, leave the line out']],
    ["lang 'open", ["a quotation begun with ' is not closed"]],
    ['%end', ['%end without a section before it']],
    ['%pots\n%end', ["there is no section '%pots', did you mean '%post'?"]],
    ['%post --nochrot\n%end', ['%post: there is no option --nochrot, did you mean --nochroot?']],
    ['%post\necho', ['%post is not closed by %end']],
    ['autopart\npart / --size=1', ['part: cannot be used together with autopart in line 1']],
    ['part / --size=1\nautopart', ['autopart: cannot be used together with part in line 1']],
    [
      'bootc --source-imgref=a\nostreecontainer --url=b',
      ['ostreecontainer: cannot be used together with bootc in line 1'],
    ],
  ])('%s', async (text, expected) => {
    expect((await parsed(text)).problems.map(({ message }) => message)).toEqual(expected);
  });

  test('said twice are reported with the place of both', async () => {
    expect(await problems('lang a\nlang b\nuser --name=x\n\nuser --name=x\n')).toEqual([
      'ks.cfg:1: warning: lang: has no effect, line 2 says it again',
      "ks.cfg:5: warning: user: 'x' is described in line 3 already",
    ]);
  });
});

describe('sections and files', () => {
  test('a script keeps its text, whatever it looks like', async () => {
    const { sections } = await parsed(
      "%post --interpreter=/bin/bash\n# lang\nif true; then echo 'open\nfi\n%end # done\nlang x\n",
    );
    expect(sections[0]?.body).toBe("# lang\nif true; then echo 'open\nfi\n");
    expect(sections[0]?.options.get('interpreter')).toBe('/bin/bash');
  });

  test('files are put where they are named, places stay their own', async () => {
    const files = {
      'more.cfg': 'lang x\nbad\n%include deep.cfg\n',
      'deep.cfg': 'zerombr 1\n',
      'body.sh': 'echo included\n',
    };
    const text = '%ksappend more.cfg\n%post\n%include body.sh\n%end\n';
    const document = await parsed(text, files);
    expect(document.sections[0]?.body).toBe('echo included\n');
    expect(document.commands.map(({ name, file, line }) => `${file}:${line} ${name}`)).toEqual([
      'more.cfg:1 lang',
    ]);
    expect(await problems(text, files)).toEqual([
      "more.cfg:2: error: there is no command 'bad'",
      "deep.cfg:1: error: zerombr: it takes no words: '1'",
    ]);
  });

  test.each<[string, Readonly<Record<string, string>>, RegExp]>([
    ['%include gone.cfg', {}, /^ks.cfg:1: error: cannot read gone.cfg: no such file$/],
    ['%include', {}, /the name of a file is missing/],
    ['%include loop', { loop: '%include loop' }, /include each other more than 10 deep/],
    ['%include /tmp/x\n%pre\n%end', {}, /^ks.cfg:1: warning: cannot read \/tmp\/x: if %pre makes it/],
    ['%include pre', { pre: '%pre\n%end' }, /^pre:1: warning: %pre comes too late/],
    ['%ksappend pre\nfoo', { pre: '%pre\n%end' }, /^ks.cfg:2: error: there is no command 'foo'/],
  ])('%s', async (text, files, expected) => {
    expect((await problems(text, files))[0]).toMatch(expected);
  });
});

describe('malformed input', () => {
  const word = fc.oneof(
    fc.constantFrom(
      ...COMMANDS.keys(),
      ...SECTIONS.keys(),
      '%end',
      '%include',
      '--',
      '-',
      '=',
      '/',
      'pv.1',
      '--size=',
      '--name',
      '\\',
      '"',
      "'",
      '#',
      '\r',
    ),
    fc.constantFrom(...OPTIONS.map(([, , , name]) => `--${name}`)),
    fc.string(),
  );
  test('never crashes, and is either understood or explained', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(word, { maxLength: 6 }), { maxLength: 20 }), async (lines) => {
        const text = lines.map((each) => each.join(' ')).join('\n');
        for (const problem of (await parsed(text)).problems) {
          expect(problem.line).toBeGreaterThan(0);
          expect(problem.message).not.toBe('');
        }
      }),
      { numRuns: 400 },
    );
  });
});
