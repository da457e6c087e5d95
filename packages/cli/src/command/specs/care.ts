import { flag, list } from '../option.ts';
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
  defineCommand({
    path: ['repair-accounts'],
    summary: 'bring accounts in order with each other and with the image',
    description: [
      'Takes lines out of shadow and gshadow whose account is gone, which keep systemd-sysusers from making it again. Gives accounts the number files of the image have for them where it is another one here, and their files in /etc and /var with it.',
      'A number that somebody else has here is never given, nor that of a user who runs processes: stop the service first. Power may fail at any time: run it again.',
    ],
    arguments: {},
    options: { dryRun: flag('only say what would be done'), json: JSON_OPTION },
    json: 'the lines that go, the accounts with both numbers, how many files change hands, and what is left',
    exitCodes: [{ code: 1, meaning: 'this machine is not a Slipway host, or something is left for people' }],
    examples: [
      { command: 'slipway repair-accounts --dry-run', why: 'what is out of order' },
      { command: 'slipway repair-accounts', why: 'and put it in order' },
    ],
    load: async () => (await import('../../commands/repair-accounts.ts')).repairAccountsCommand,
  }),
  defineCommand({
    path: ['adopt'],
    summary: 'take over a host that bootc installed, or give it back',
    description: [
      "The composefs backend of bootc has the same layout on the disk. Each deployment it boots gets a boot entry of Slipway's that starts the very same, then bootc's entries go: nothing is fetched and nothing restarts, /etc and /var stay as they are. From then on slipway upgrade, switch and rollback work.",
      'The running image must have Slipway in it: build one, bootc upgrade to it, and reboot. Hosts that GRUB starts, and unified kernel images, cannot be taken over. What stands against it is told at once, and nothing is changed.',
      "With --give-back the running deployment and the one to go back to become bootc's, under its names. The running image must have bootc in it, and nothing may be staged.",
      'Power may fail at any time: run it again.',
    ],
    arguments: {},
    options: {
      giveBack: flag("make the host bootc's again"),
      dryRun: flag('only say what would be done'),
      json: JSON_OPTION,
    },
    json: 'what became of it, and each step',
    exitCodes: [{ code: 1, meaning: 'the host cannot be taken over, or given back, as it is' }],
    examples: [
      { command: 'slipway adopt --dry-run', why: 'can this host be taken over, and how' },
      { command: 'slipway adopt', why: 'and do it' },
      { command: 'slipway adopt --give-back', why: 'let bootc update it again' },
    ],
    load: async () => (await import('../../commands/adopt.ts')).adopt,
  }),
  defineCommand({
    path: ['factory-reset'],
    summary: 'bring /etc back to what the image says and empty /var, at the next boot',
    description: [
      'What this machine made of itself goes: local changes in /etc, everything in /var with homes, logs and containers, and apps with what they keep. Machine-id, SSH host keys, the images with their boot entries and the history stay, and what --keep names.',
      'Nothing changes before the next boot, whose initramfs does it before anything else starts; power may fail at any time. Until then --cancel takes it back.',
      'Accounts, keys and network settings that are not in the image are gone: name what is needed to reach the host again.',
    ],
    arguments: {},
    options: {
      keep: list('PATH', 'keep this file or directory below /etc or /var', { completion: 'file' }),
      dryRun: flag('only say what would go'),
      acknowledgeDestructive: flag('confirm it: it cannot be undone'),
      apply: flag('reboot right away', { conflicts: ['dryRun', 'cancel'] }),
      cancel: flag('take back what was asked for before', {
        conflicts: ['keep', 'dryRun', 'acknowledgeDestructive'],
      }),
      json: JSON_OPTION,
    },
    json: 'what the next boot resets and what stays, or whether it was taken back',
    exitCodes: [{ code: 1, meaning: 'this machine is not a Slipway host' }],
    examples: [
      { command: 'slipway factory-reset --dry-run', why: 'what would be lost' },
      {
        command:
          'slipway factory-reset --keep /var/roothome/.ssh --keep /etc/systemd/network --acknowledge-destructive --apply',
        why: 'begin anew, and be able to log in afterwards',
      },
    ],
    load: async () => (await import('../../commands/factory-reset.ts')).factoryReset,
  }),
];
