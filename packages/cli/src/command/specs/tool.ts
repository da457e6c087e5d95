import { argument } from '../argument.ts';
import { choiceOr } from '../option.ts';
import { JSON_OPTION } from '../shared-options.ts';
import { type CommandSpec, defineCommand } from '../spec.ts';

/** Commands about the command itself, and those only units and programs call. */
export const TOOL_COMMANDS: readonly CommandSpec[] = [
  defineCommand({
    path: ['completion'],
    summary: 'print the completion script of a shell',
    description: ['Prints a script that completes commands, options and their values.'],
    arguments: {
      shell: argument('SHELL', 'bash, zsh or fish', { choices: ['bash', 'zsh', 'fish'] }),
    },
    options: {},
    examples: [
      { command: 'source <(slipway completion bash)', why: 'in this bash' },
      {
        command: 'slipway completion zsh > ~/.zfunc/_slipway',
        why: 'for zsh, where ~/.zfunc is in fpath',
      },
      {
        command: 'slipway completion fish > ~/.config/fish/completions/slipway.fish',
        why: 'for fish',
      },
    ],
    load: async () => (await import('../../commands/completion.ts')).completion,
  }),
  defineCommand({
    path: ['version'],
    summary: 'print the version',
    description: ['Prints the version of Slipway, of its runtime, and the platform.'],
    arguments: {},
    options: { json: JSON_OPTION },
    json: 'version, node, platform and arch',
    examples: [{ command: 'slipway version --json', why: 'what exactly is installed here' }],
    load: async () => (await import('../../commands/version.ts')).version,
  }),
  defineCommand({
    path: ['internals', 'booted'],
    summary: 'record this boot and finish what was cut short',
    description: ['Called by slipway-booted.service at every boot.'],
    arguments: {},
    options: {},
    hidden: true,
    examples: [{ command: 'slipway internals booted', why: 'what the unit runs' }],
    load: async () => (await import('../../commands/internals-booted.ts')).internalsBooted,
  }),
  defineCommand({
    path: ['internals', 'finalize'],
    summary: 'make the staged deployment the one that boots next',
    description: [
      'Called by slipway-finalize.service at every shutdown; does nothing when nothing is staged.',
    ],
    arguments: {},
    options: {},
    hidden: true,
    examples: [{ command: 'slipway internals finalize', why: 'what the unit runs' }],
    load: async () => (await import('../../commands/internals-finalize.ts')).internalsFinalize,
  }),
  defineCommand({
    path: ['internals', 'factory-reset'],
    summary: 'finish a factory reset',
    description: ['Called by slipway-factory-reset.service at the boot that made one.'],
    arguments: {},
    options: {},
    hidden: true,
    examples: [{ command: 'slipway internals factory-reset', why: 'what the unit runs' }],
    load: async () => (await import('../../commands/internals-factory-reset.ts')).internalsFactoryReset,
  }),
  defineCommand({
    path: ['internals', 'print-json-schema'],
    summary: 'print the JSON schema of what programs read',
    description: [
      'Prints the schema of slipway status --json, of the lines of --progress-fd, or of a file for --config.',
    ],
    arguments: {},
    options: { of: choiceOr('host', ['host', 'progress', 'config'], 'which schema') },
    hidden: true,
    examples: [
      { command: 'slipway internals print-json-schema --of progress', why: 'the lines of --progress-fd' },
    ],
    load: async () => (await import('../../commands/internals-print-json-schema.ts')).printJsonSchema,
  }),
];
