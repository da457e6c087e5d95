import type { FormatVersion, VerityAlgorithm } from '@slipway/composefs';
import { argument, optionalArgument, someArguments } from '../argument.ts';
import {
  choiceOr,
  type DefaultedValue,
  flag,
  type ListOption,
  type OptionalValue,
  parsedList,
  parsedValue,
  value,
} from '../option.ts';
import { JSON_OPTION } from '../shared-options.ts';
import { type CommandSpec, defineCommand } from '../spec.ts';
import { badValue, wholeNumber } from '../values.ts';

/** Scripts that call mkcomposefs or composefs-info read the same exit codes from these. */
const LIKE_REFERENCE = {
  failureExitCode: 1,
  exitCodes: [
    { code: 1, meaning: 'anything failed, the command line included, as the reference tools say it' },
  ],
} as const;

const IMAGES = someArguments('IMAGE', 'composefs images', { completion: 'file' });

const FILTER_OPTION: ListOption<string> = parsedList(
  parseRootName,
  'NAME',
  'only this name of the root directory and what is below it',
);

const ALGORITHM_OPTION: DefaultedValue<VerityAlgorithm> = choiceOr(
  'sha256',
  ['sha256', 'sha512'],
  'hash of the fs-verity digests; bootc uses sha512, the reference tools know sha256 only',
);

/** Composefs images, as mkcomposefs makes and composefs-info shows them. */
export const COMPOSEFS_COMMANDS: readonly CommandSpec[] = [
  defineCommand({
    path: ['composefs', 'create'],
    summary: 'make a composefs image of a directory or a dump',
    description: [
      'Takes the options of mkcomposefs(1) and writes the same image, bit for bit: the same source gives the same digest. Every name of a hard link becomes a file of its own when a directory is read; a dump keeps hard links.',
      'IMAGE appears when it is whole. It may be - for standard output, and SOURCE with --from-file may be - for standard input.',
    ],
    arguments: {
      source: argument('SOURCE', 'the directory, or with --from-file the dump', { completion: 'file' }),
      image: optionalArgument('IMAGE', 'where the image goes; left out with --print-digest-only', {
        completion: 'file',
      }),
    },
    options: {
      digestStore: value('DIR', 'put files of more than 64 bytes here, each named by its digest', {
        completion: 'directory',
      }),
      useEpoch: flag('make every time 1970'),
      skipDevices: flag('leave out block and character devices'),
      skipXattrs: flag('leave out extended attributes', { conflicts: ['userXattrs'] }),
      userXattrs: flag('leave out extended attributes but those called user.*'),
      printDigest: flag('print the fs-verity digest of the image'),
      printDigestOnly: flag('print the digest and write no image'),
      fromFile: flag('read a dump, composefs-dump(5), instead of a directory'),
      minVersion: formatVersion('lowest format version that may be written; 0 unless given'),
      maxVersion: formatVersion(
        'highest, taken when whiteouts need it; 1 unless given, or the lowest where that is given',
      ),
      threads: parsedValue(
        wholeNumber(1, 100_000),
        'COUNT',
        'taken from scripts written for mkcomposefs and not needed: one thread does it',
      ),
      algorithm: ALGORITHM_OPTION,
    },
    ...LIKE_REFERENCE,
    examples: [
      {
        command: 'slipway composefs create --digest-store store --print-digest rootfs rootfs.img',
        why: 'make an image and the objects it refers to',
      },
      {
        command: 'slipway composefs create --from-file --print-digest-only rootfs.dump',
        why: 'ask what the digest of a tree would be',
      },
      {
        command: 'slipway composefs create --from-file --min-version 1 - rootfs.img',
        why: 'read a dump from standard input and write format 1, as bootc does',
      },
    ],
    load: async () => (await import('../../commands/composefs-create.ts')).composefsCreate,
  }),
  defineCommand({
    path: ['composefs', 'info'],
    summary: 'show what composefs images hold, in numbers',
    description: ['Checks the whole image and prints its digest, format version, inodes and objects.'],
    arguments: { images: IMAGES },
    options: { algorithm: ALGORITHM_OPTION, json: JSON_OPTION },
    json: 'digest, size, format version, inodes by kind, objects and inline bytes of each image',
    ...LIKE_REFERENCE,
    examples: [{ command: 'slipway composefs info rootfs.img', why: 'look at an image' }],
    load: async () => (await import('../../commands/composefs-info.ts')).composefsInfo,
  }),
  defineCommand({
    path: ['composefs', 'ls'],
    summary: 'list the files of composefs images',
    description: [
      'Prints every name with its object (@) or symlink target (->), as composefs-info ls does. A file with several names shows its object at the first.',
    ],
    arguments: { images: IMAGES },
    options: { filter: FILTER_OPTION, json: JSON_OPTION },
    json: 'path, kind, and target or object of every name',
    ...LIKE_REFERENCE,
    examples: [
      { command: 'slipway composefs ls rootfs.img', why: 'list everything' },
      { command: 'slipway composefs ls --filter etc --filter usr rootfs.img', why: 'only /etc and /usr' },
    ],
    load: async () => (await import('../../commands/composefs-ls.ts')).composefsLs,
  }),
  defineCommand({
    path: ['composefs', 'dump'],
    summary: 'print composefs images as text',
    description: [
      'Prints images as composefs-dump(5), as composefs-info dump does, with extended attributes in byte order. slipway composefs create --from-file makes an image of a dump; give it the format version of the first as --min-version.',
    ],
    arguments: { images: IMAGES },
    options: { filter: FILTER_OPTION },
    ...LIKE_REFERENCE,
    examples: [
      { command: 'slipway composefs dump rootfs.img', why: 'see all of an image' },
      {
        command: 'slipway composefs dump --filter etc rootfs.img > etc.dump',
        why: 'keep what is below /etc, for a comparison',
      },
    ],
    load: async () => (await import('../../commands/composefs-dump.ts')).composefsDump,
  }),
  defineCommand({
    path: ['composefs', 'objects'],
    summary: 'list the objects composefs images refer to',
    description: ['Prints the paths of all objects, sorted, each once, as composefs-info objects does.'],
    arguments: { images: IMAGES },
    options: { filter: FILTER_OPTION, json: JSON_OPTION },
    json: 'the paths',
    ...LIKE_REFERENCE,
    examples: [
      { command: 'slipway composefs objects old.img new.img', why: 'what two images need together' },
    ],
    load: async () => (await import('../../commands/composefs-objects.ts')).composefsObjects,
  }),
  defineCommand({
    path: ['composefs', 'missing-objects'],
    summary: 'list the objects of composefs images that are not there',
    description: [
      'Prints what slipway composefs objects prints, without the objects that are in --basedir. Without --basedir all are missing. The exit code is 0 whether any are missing or not, as that of composefs-info.',
    ],
    arguments: { images: IMAGES },
    options: {
      basedir: value('DIR', 'directory of objects, such as the --digest-store of create', {
        completion: 'directory',
      }),
      filter: FILTER_OPTION,
      json: JSON_OPTION,
    },
    json: 'the paths',
    ...LIKE_REFERENCE,
    examples: [
      {
        command: 'slipway composefs missing-objects --basedir store new.img',
        why: 'what must be fetched before the image can be mounted',
      },
    ],
    load: async () => (await import('../../commands/composefs-missing-objects.ts')).composefsMissingObjects,
  }),
  defineCommand({
    path: ['composefs', 'measure'],
    aliases: ['measure-file'],
    summary: 'print the fs-verity digests of files',
    description: [
      'Prints the digest the kernel would seal each file with, as fsverity digest and composefs-info measure-file do. Of an image it is the name of the deployment.',
    ],
    arguments: { files: someArguments('FILE', 'any files', { completion: 'file' }) },
    options: { algorithm: ALGORITHM_OPTION, json: JSON_OPTION },
    json: 'path, digest and size of each file',
    ...LIKE_REFERENCE,
    examples: [
      { command: 'slipway composefs measure rootfs.img', why: 'the id of an image' },
      { command: 'slipway composefs measure --algorithm sha512 rootfs.img', why: 'as bootc names it' },
    ],
    load: async () => (await import('../../commands/composefs-measure.ts')).composefsMeasure,
  }),
];

function formatVersion(help: string): OptionalValue<FormatVersion> {
  return parsedValue(parseFormatVersion, 'VERSION', help);
}

function parseFormatVersion(text: string, optionName: string): FormatVersion {
  if (text === '0') return 0;
  if (text === '1') return 1;
  throw badValue(optionName, text, 'there are format versions 0 and 1');
}

/** A name as bytes held in a latin1 string. */
function parseRootName(text: string, optionName: string): string {
  if (text.includes('/')) throw badValue(optionName, text, 'give one name of the root directory, without /');
  return Buffer.from(text, 'utf8').toString('latin1');
}
