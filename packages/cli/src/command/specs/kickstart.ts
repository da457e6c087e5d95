import { argument } from '../argument.ts';
import { choiceOr, flag } from '../option.ts';
import { JSON_OPTION } from '../shared-options.ts';
import { type CommandSpec, defineCommand } from '../spec.ts';

/** Commands about kickstart files. */
export const KICKSTART_COMMANDS: readonly CommandSpec[] = [
  defineCommand({
    path: ['kickstart', 'check'],
    summary: 'say what a kickstart file would do, and what is wrong with it',
    description: [
      'Reads the file and everything it includes, checks every command and option, and prints what would happen to which disk. Nothing is done. Ends with 1 when there are errors.',
      'Commands that are known and mean nothing for an image are warnings; with --strict they are errors.',
    ],
    arguments: { file: argument('FILE', 'the kickstart file', { completion: 'file' }) },
    options: {
      strict: flag('what has no effect is an error'),
      target: choiceOr(
        'installer',
        ['installer', 'disk'],
        'what it is for: an installer, or slipway image --kickstart',
      ),
      here: flag('say for every disk of this machine what would become of it, too; needs no root'),
      json: JSON_OPTION,
    },
    json: 'problems, the steps in words, disks, scripts, the configuration the file amounts to, and with --here a verdict on every disk',
    examples: [
      { command: 'slipway kickstart check ks.cfg', why: 'before it erases anything' },
      { command: 'slipway kickstart check --here ks.cfg', why: 'on the machine it is meant for' },
      { command: 'slipway kickstart check --strict --json ks.cfg', why: 'in a pipeline' },
    ],
    load: async () => (await import('../../commands/kickstart-check.ts')).kickstartCheck,
  }),
  defineCommand({
    path: ['kickstart', 'from-config'],
    summary: 'write a configuration as a kickstart file',
    description: [
      'Prints a kickstart file that installs what the configuration describes, on the disks it names or on every one. What kickstart has no command for is done by a script, or said on standard error.',
    ],
    arguments: {
      config: argument('CONFIG', 'the configuration, TOML or JSON', { completion: 'file' }),
    },
    options: {},
    examples: [
      {
        command: 'slipway kickstart from-config config.toml > ks.cfg',
        why: 'for an installer that wants one',
      },
    ],
    load: async () => (await import('../../commands/kickstart-from-config.ts')).kickstartFromConfig,
  }),
];
