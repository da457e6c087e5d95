import { choice, choiceOr, flag, required, value } from '../option.ts';
import { JSON_OPTION } from '../shared-options.ts';
import { type CommandSpec, defineCommand } from '../spec.ts';

const NOT_A_HOST = { code: 1, meaning: 'this machine is not a Slipway host' } as const;

/** Commands of a host in the words of bootc, for what drives that. */
export const BOOTC_COMMANDS: readonly CommandSpec[] = [
  defineCommand({
    path: ['loader-entries', 'set-options-for-source'],
    summary: 'set the kernel arguments one program wants',
    description: [
      'Gives a source (tuned, an administrator, a script) kernel arguments of its own for the boots to come, in the place of those it had; without --options, or with none in it, the source has none any more. What other sources set, the image brings and was set by hand stays. A staged update gets them as well.',
      'They are tried: the next boot with them is counted, and when the host does not come up, it comes up without them.',
    ],
    arguments: {},
    options: {
      source: required('NAME', 'whose arguments they are: letters, digits, - and _'),
      options: value('ARGUMENTS', 'all arguments of the source, as one word with blanks between them'),
      json: JSON_OPTION,
    },
    json: 'whether anything changed, and the whole kernel command line of the next boot',
    exitCodes: [NOT_A_HOST],
    examples: [
      {
        command: 'slipway loader-entries set-options-for-source --source tuned --options isolcpus=1-3',
        why: 'keep three processors for one purpose',
      },
      {
        command: 'slipway loader-entries set-options-for-source --source tuned',
        why: 'and give them back',
      },
    ],
    load: async () => (await import('../../commands/loader-entries-set-options.ts')).loaderEntriesSetOptions,
  }),
  defineCommand({
    path: ['image', 'list'],
    summary: 'list the images of this host',
    description: [
      'Images of deployments are of the type host, container images in the storage of bound images unified, and those the running image is bound to logical. On a machine that is no host only the last can be there.',
    ],
    arguments: {},
    options: {
      type: choiceOr('all', ['all', 'logical', 'host'], 'which of them'),
      format: choice(['table', 'json'], 'form of the answer; a table unless given'),
      json: flag('short for --format json', { conflicts: ['format'] }),
    },
    json: 'a list of image_type and image',
    exitCodes: [{ code: 1, meaning: 'images of a host were asked for, and this machine is none' }],
    examples: [
      {
        command: 'slipway image list --type logical --format json',
        why: 'which images this one is bound to',
      },
    ],
    hidden: true,
    load: async () => (await import('../../commands/image-list.ts')).imageList,
  }),
  defineCommand({
    path: ['image', 'copy-to-storage'],
    summary: 'give podman the image of a deployment',
    description: [
      'Writes what a deployment was made of into the storage of podman, to be run or to be built upon: the image as one layer, with the configuration it came with. Nothing is fetched. Its digest is another one.',
    ],
    arguments: {},
    options: {
      source: value(
        'IMAGE',
        'an image slipway image list shows, or a deployment; that of the running one unless given',
      ),
      target: value('NAME', 'its name there; localhost/bootc unless given'),
      json: JSON_OPTION,
    },
    json: 'deployment, target and digest',
    exitCodes: [NOT_A_HOST],
    examples: [
      { command: 'slipway image copy-to-storage', why: 'FROM localhost/bootc, in the next Containerfile' },
      {
        command: 'slipway image copy-to-storage --source rollback --target localhost/before',
        why: 'look into what ran before',
      },
    ],
    hidden: true,
    load: async () => (await import('../../commands/image-copy-to-storage.ts')).imageCopyToStorage,
  }),
];
