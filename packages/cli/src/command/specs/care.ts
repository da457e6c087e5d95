import { flag } from '../option.ts';
import { JSON_OPTION } from '../shared-options.ts';
import { type CommandSpec, defineCommand } from '../spec.ts';

/** Commands that look after a running host. */
export const CARE_COMMANDS: readonly CommandSpec[] = [
  defineCommand({
    path: ['drift'],
    aliases: ['config-diff'],
    summary: 'list what differs in /etc from the image',
    description: [
      'Compares /etc with what the running image ships: files, links, permissions, owners and attributes. These are the local changes an update carries over.',
    ],
    arguments: {},
    options: { exitCode: flag('end with 1 when something differs'), json: JSON_OPTION },
    json: 'the deployment and each difference, with what the image has and what is here',
    exitCodes: [
      { code: 1, meaning: 'this machine is not a Slipway host, or with --exit-code: there is drift' },
    ],
    examples: [
      { command: 'slipway drift', why: 'what was changed on this machine' },
      { command: 'slipway drift --exit-code --json > drift.json', why: 'watch it from a script' },
    ],
    load: async () => (await import('../../commands/drift.ts')).drift,
  }),
  defineCommand({
    path: ['fsck'],
    summary: 'check everything this host stands on, and repair it',
    description: [
      "Reads every file of the object store and compares it with its name; checks images, boot entries, kernels on the boot partition, account files, and the host's own records.",
      'With --repair, what is damaged is fetched again from where the image came from, kernels are written anew and entries that lead nowhere are removed. Nothing is removed while its image cannot be reached.',
    ],
    arguments: {},
    options: { repair: flag('repair what can be repaired'), json: JSON_OPTION },
    json: 'clean, repaired or damaged, and every finding',
    exitCodes: [
      { code: 1, meaning: 'this machine is not a Slipway host, or something is left that is damaged' },
    ],
    examples: [
      { command: 'slipway fsck', why: 'has anything rotted' },
      { command: 'slipway fsck --repair', why: 'and get it back' },
    ],
    load: async () => (await import('../../commands/fsck.ts')).fsck,
  }),
];
