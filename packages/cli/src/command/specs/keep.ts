import { argument, optionalArgument } from '../argument.ts';
import { flag } from '../option.ts';
import { JSON_OPTION } from '../shared-options.ts';
import { type CommandSpec, defineCommand } from '../spec.ts';

const DEPLOYMENT_HELP =
  'its number in slipway status, the first digits of its id, its digest, or booted, rollback, staged';
const NOT_A_HOST = {
  code: 1,
  meaning: 'this machine is not a Slipway host, or has no such deployment',
} as const;

/** Commands about what a running host keeps. */
export const KEEP_COMMANDS: readonly CommandSpec[] = [
  defineCommand({
    path: ['pin'],
    summary: 'keep a deployment whatever comes',
    description: [
      'A pinned deployment is never removed to make room, neither by updates nor by cleanup; slipway rollback boots it at any time. How many others stay says keep = COUNT in /etc/slipway/deployments.toml, 1 unless set.',
    ],
    arguments: {
      deployment: optionalArgument('DEPLOYMENT', `${DEPLOYMENT_HELP}; the running one unless given`),
    },
    options: { json: JSON_OPTION },
    json: 'the deployment and whether it is pinned',
    exitCodes: [NOT_A_HOST],
    examples: [
      { command: 'slipway pin', why: 'keep what runs now as a way back' },
      { command: 'slipway pin rollback', why: 'keep the one before' },
    ],
    load: async () => (await import('../../commands/pin.ts')).pin,
  }),
  defineCommand({
    path: ['unpin'],
    summary: 'keep a deployment no longer than the policy says',
    description: ['Takes a pin away. The deployment goes with the next update unless the policy keeps it.'],
    arguments: {
      deployment: optionalArgument('DEPLOYMENT', `${DEPLOYMENT_HELP}; the running one unless given`),
    },
    options: { json: JSON_OPTION },
    json: 'the deployment and whether it is pinned',
    exitCodes: [NOT_A_HOST],
    examples: [{ command: 'slipway unpin 2', why: 'let go of the deployment slipway status numbers 2' }],
    load: async () => (await import('../../commands/unpin.ts')).unpin,
  }),
  defineCommand({
    path: ['unstage'],
    summary: 'take back the staged update',
    description: ['The next boot starts what runs now. What only the update needed is removed.'],
    arguments: {},
    options: { json: JSON_OPTION },
    json: 'the deployment that was staged, and the bytes given back',
    exitCodes: [NOT_A_HOST],
    examples: [{ command: 'slipway unstage', why: 'stay with what runs' }],
    load: async () => (await import('../../commands/unstage.ts')).unstageUpdate,
  }),
  defineCommand({
    path: ['cleanup'],
    summary: 'remove what nothing needs any more',
    description: [
      'Removes deployments the policy does not keep, and kernels, files and unfinished downloads nobody needs. What runs, is staged or pinned stays. Updates do this by themselves.',
    ],
    arguments: {},
    options: { dryRun: flag('only say which deployments would go'), json: JSON_OPTION },
    json: 'what was removed, what stays, and the bytes given back',
    exitCodes: [NOT_A_HOST],
    examples: [{ command: 'slipway cleanup --dry-run', why: 'see what would go' }],
    load: async () => (await import('../../commands/cleanup.ts')).cleanup,
  }),
  defineCommand({
    path: ['delete'],
    summary: 'delete a deployment',
    description: [
      'Removes its boot entry, its /etc and what only it needed. One that runs, is staged, boots next or is pinned is refused.',
    ],
    arguments: { deployment: argument('DEPLOYMENT', DEPLOYMENT_HELP) },
    options: { json: JSON_OPTION },
    json: 'the deployment, and the bytes given back',
    exitCodes: [NOT_A_HOST],
    examples: [{ command: 'slipway delete rollback', why: 'give the room of the previous deployment back' }],
    load: async () => (await import('../../commands/delete.ts')).deleteOne,
  }),
  defineCommand({
    path: ['allow'],
    summary: 'let an image be staged again that did not come up',
    description: [
      'When a deployment does not come up, its image is denied: upgrades leave it alone. This takes it off that list, or empties the list.',
    ],
    arguments: {
      digest: optionalArgument(
        'DIGEST',
        "the image's manifest digest or its deployment's first digits; all unless given",
      ),
    },
    options: { json: JSON_OPTION },
    json: 'the images that are allowed again',
    exitCodes: [{ code: 1, meaning: 'this machine is not a Slipway host, or the image is not denied' }],
    examples: [{ command: 'slipway allow', why: 'let the next upgrade try every image again' }],
    load: async () => (await import('../../commands/allow.ts')).allow,
  }),
];
