import { choice, flag, list, parsedValueOr } from '../option.ts';
import { JSON_OPTION } from '../shared-options.ts';
import { type CommandSpec, defineCommand } from '../spec.ts';

const ROOTFS_OPTION = parsedValueOr('/', (text) => text, 'DIR', 'the root file system of the image', {
  completion: 'directory',
});

/** Commands for the inside of an image, run as its last step or on an unpacked one. */
export const CONTAINER_COMMANDS: readonly CommandSpec[] = [
  defineCommand({
    path: ['container', 'lint'],
    summary: 'check that an image can be a host',
    description: [
      'Meant as the last RUN of a Containerfile. Checks what breaks hosts: kernels, kernel arguments, names, what hides under mounts, what no update can deliver, and what is a secret of one machine. The names of the checks are those of bootc.',
      'What is fatal ends it with 1; a warning does so with --fatal-warnings.',
    ],
    arguments: {},
    options: {
      rootfs: ROOTFS_OPTION,
      fatalWarnings: flag('let a warning fail as well'),
      skip: list('NAME', 'leave this check out'),
      noTruncate: flag('show everything a check found, not the first five'),
      list: flag('show the checks and do nothing'),
      json: JSON_OPTION,
    },
    json: 'how many checks passed, and those that did not with what they found',
    exitCodes: [{ code: 1, meaning: 'the image fails a check' }],
    examples: [
      { command: 'slipway container lint --fatal-warnings', why: 'the last RUN of a Containerfile' },
      {
        command: 'slipway container lint --rootfs build/root --skip var-tmpfiles',
        why: 'check an unpacked image, without one of the checks',
      },
      { command: 'slipway container lint --list', why: 'see what is checked' },
    ],
    load: async () => (await import('../../commands/container-lint.ts')).containerLint,
  }),
  defineCommand({
    path: ['container', 'inspect'],
    summary: 'show kernel and kernel arguments of an image, from the inside',
    description: [
      'Reads the kernel arguments of /usr/lib/bootc/kargs.d for this architecture and finds the kernel.',
    ],
    arguments: {},
    options: {
      rootfs: ROOTFS_OPTION,
      json: flag('print the answer as JSON; short for --format json', { conflicts: ['format'] }),
      format: choice(['humanreadable', 'yaml', 'json'], 'form of the answer'),
    },
    json: 'kargs, and kernel with version and unified, or null',
    examples: [
      { command: 'slipway container inspect', why: 'see what the image this runs in would boot' },
      {
        command: 'slipway container inspect --rootfs build/root --json',
        why: 'the same of an unpacked image, for a program',
      },
    ],
    load: async () => (await import('../../commands/container-inspect.ts')).containerInspect,
  }),
];
