import { argument, optionalArgument } from '../argument.ts';
import { choice, flag, list, type OptionSpecs, parsedValue, value, valueOr } from '../option.ts';
import {
  ARCH_OPTION,
  CACHE_OPTION,
  JSON_OPTION,
  KARG_OPTION,
  SIGNATURE_POLICY_OPTION,
} from '../shared-options.ts';
import { type CommandSpec, defineCommand } from '../spec.ts';
import { parseSizeBytes } from '../values.ts';

/** What every way to make a host from an image takes. */
const IMAGE = {
  sourceImgref: value('REF', 'image that is installed; the one this host follows, unless given'),
  targetImgref: value('REF', 'image the host follows once it runs; the source unless given'),
  targetTransport: valueOr(
    'registry',
    'TRANSPORT',
    'where the target is: registry, oci, containers-storage and others',
  ),
  config: value(
    'FILE',
    'what the host becomes besides its image: users, files, partitions and more, in TOML or JSON',
    {
      completion: 'file',
    },
  ),
  karg: KARG_OPTION,
  kargDelete: list('ARGUMENT', 'kernel argument of the image that is left out: KEY or KEY=VALUE'),
  rootSshAuthorizedKeys: value('FILE', 'public keys that open root, one a line', { completion: 'file' }),
} satisfies OptionSpecs;

const CHECKS = {
  skipFetchCheck: flag('do not ask whether the target can be reached from here'),
  disableSelinux: flag('start the host without SELinux'),
  signaturePolicy: SIGNATURE_POLICY_OPTION,
} satisfies OptionSpecs;

/** What every way to install one takes. */
const COMMON = {
  ...IMAGE,
  genericImage: flag('change nothing in the firmware of this machine; it never is'),
  ...CHECKS,
  cache: CACHE_OPTION,
  arch: ARCH_OPTION,
  json: JSON_OPTION,
} satisfies OptionSpecs;

/** Commands that put an image on the disks of a machine. */
export const INSTALL_COMMANDS: readonly CommandSpec[] = [
  defineCommand({
    path: ['install', 'to-disk'],
    summary: 'install an image to a disk of this machine',
    description: [
      'Writes partition table, boot partition and root to the disk, the files of the image sealed with fs-verity. The disk is checked first: one that is mounted, used as swap or part of an encrypted volume, a volume group or an array is never written, whatever is asked for; one that holds anything only with --wipe. The same goes for every other disk that the configuration puts partitions on.',
      'Nothing is written before the image is fetched and everything is decided. --dry-run shows the steps and ends there.',
      'With --kickstart, %pre runs first, %pre-install before the image is written, %post in the new system, %onerror when anything fails; clearpart --all is taken as --wipe for the disks it means, and the machine ends as the file says.',
      'With --via-loopback a file takes the place of the disk; that needs neither root nor a loop device.',
    ],
    arguments: {
      device: optionalArgument(
        'DEVICE',
        'the whole disk, such as /dev/vda or a link in /dev/disk/by-id; the one the kickstart file or the configuration means unless given',
        {
          completion: 'file',
        },
      ),
    },
    options: {
      ...COMMON,
      kickstart: value('FILE', 'the same from a kickstart file, with its scripts', {
        completion: 'file',
        conflicts: ['config'],
      }),
      noReboot: flag('do not end as the kickstart file says: reboot, poweroff'),
      wipe: flag('erase what is on the disk, and on every other one the configuration names'),
      viaLoopback: flag('write into a file that stands for a disk: DEVICE is its name'),
      blockSetup: choice(
        ['direct', 'tpm2-luks'],
        'what the root lies in: a partition, or LUKS2 opened by the TPM of this machine; a partition unless given',
      ),
      filesystem: choice(['ext4', 'xfs', 'btrfs'], 'file system of the root; ext4 unless given'),
      rootSize: parsedValue(
        parseSizeBytes,
        'SIZE',
        'size of the root partition, such as 20G; all that is left unless given',
      ),
      dryRun: flag('show what would be done to the disk, and do nothing'),
    },
    json: 'the image, the deployment, its kernel and command line, and every step that was or would be done',
    examples: [
      {
        command: 'slipway install to-disk --source-imgref registry.example/shop:v1 --dry-run /dev/vda',
        why: 'see what would happen',
      },
      {
        command: 'slipway install to-disk --source-imgref registry.example/shop:v1 --wipe /dev/vda',
        why: 'erase a disk and install to it',
      },
      {
        command:
          'slipway install to-disk --source-imgref oci:/media/images:shop --target-imgref registry.example/shop:stable --root-ssh-authorized-keys keys.pub /dev/disk/by-id/nvme-Fast_SSD_4711',
        why: 'install from a directory, update from a registry',
      },
    ],
    load: async () => (await import('../../commands/install-to-disk.ts')).installToDiskCommand,
  }),
  defineCommand({
    path: ['install', 'to-filesystem'],
    summary: 'install an image into file systems that are mounted',
    description: [
      'For storage somebody else made: PATH is where the root is mounted, and below it, at boot, efi or boot/efi, an EFI system partition. The root must be empty; --replace says what becomes of what is there.',
      'Files are sealed with fs-verity where the file system can; the host then insists on it. Afterwards the file systems are trimmed and read-only, unless --skip-finalize is given.',
    ],
    arguments: {
      path: argument('PATH', 'where the root of the new host is mounted', { completion: 'directory' }),
    },
    options: {
      ...COMMON,
      rootMountSpec: value(
        'SPEC',
        'what root= on the kernel command line says, such as LABEL=root; nothing where it is empty, its UUID unless given',
      ),
      bootMountSpec: value(
        'SPEC',
        'what the host mounts at /boot; the partition it was started from unless given',
      ),
      replace: choice(
        ['wipe', 'alongside'],
        'remove everything in the root, or keep it beside the new host; what is on the boot partition is removed either way',
      ),
      acknowledgeDestructive: flag('confirm --replace: it cannot be undone'),
      skipFinalize: flag('leave the file systems mounted for writing, for what is to be added'),
      dryRun: flag('show what would be done, and do nothing'),
    },
    json: 'the image, the deployment, its kernel and command line, and every step that was or would be done',
    examples: [
      {
        command: 'slipway install to-filesystem --source-imgref registry.example/shop:v1 /mnt',
        why: 'install into what is mounted at /mnt and /mnt/boot',
      },
      {
        command:
          'slipway install to-filesystem --source-imgref registry.example/shop:v1 --replace wipe --acknowledge-destructive /mnt',
        why: 'the same over what is there',
      },
    ],
    load: async () => (await import('../../commands/install-to-filesystem.ts')).installToFilesystemCommand,
  }),
  defineCommand({
    path: ['install', 'to-existing-root'],
    summary: 'put an image in the place of the system this machine runs',
    description: [
      'For a machine whose disk cannot be made anew, such as one of a cloud: the host is put into the root of the running system, beside its files, and takes over its EFI system partition, which loses what is on it. With the next start the host runs; what was there is below /sysroot.',
      'The partition of the boot loader is emptied and written last, after everything else is on the disk. A root with too little room, in memory or over the network, or in an encrypted volume that nothing on the kernel command line opens, is refused first. The root is found as the running system finds it: its UUID, rootflags and rd.* arguments.',
    ],
    arguments: {
      path: optionalArgument(
        'PATH',
        'root of the running system, where a container sees it; / unless given',
        {
          completion: 'directory',
        },
      ),
    },
    options: {
      ...COMMON,
      acknowledgeDestructive: flag('confirm it: the system that runs now does not start again'),
      dryRun: flag('show what would be done, and do nothing'),
    },
    json: 'the image, the deployment, its kernel and command line, and every step that was or would be done',
    examples: [
      {
        command: 'slipway install to-existing-root --source-imgref registry.example/shop:v1 --dry-run',
        why: 'see whether it fits and what would happen',
      },
      {
        command:
          'slipway install to-existing-root --source-imgref registry.example/shop:v1 --root-ssh-authorized-keys /root/.ssh/authorized_keys --acknowledge-destructive',
        why: 'take over this machine and be let in afterwards',
      },
    ],
    load: async () =>
      (await import('../../commands/install-to-existing-root.ts')).installToExistingRootCommand,
  }),
  defineCommand({
    path: ['install', 'reset'],
    summary: 'begin anew on this host: a new /etc and a new /var from an image',
    description: [
      'For a host that is given to somebody else, or that nobody understands any more. With the next start it is as an installation would make it from the image it follows, or from another; nobody has to touch the disk, and nothing that is here already is fetched.',
      'What stays: the partitions, the store of files, /etc/fstab and /etc/crypttab, how the root is found, and what other file systems hold. The old /etc, /var, history and apps are moved to /sysroot/state.1 (or the next free number), until somebody removes them; they are not erased. Deployments besides the running one cannot be booted any more. Users and keys are gone: say who may log in.',
      'Should the new deployment not come up, the boot loader goes back to the one that runs now, with its state new as well. Until the restart the host is not changed by any command.',
    ],
    arguments: {},
    options: {
      ...IMAGE,
      ...CHECKS,
      noRootKargs: flag('do not find the root by the kernel arguments it is found by now; --karg says how'),
      apply: flag('restart at once'),
      acknowledgeDestructive: flag('confirm it: the settings and data of this host are put aside'),
      experimental: flag('taken for compatibility; it changes nothing'),
      dryRun: flag('show what would be done, and do nothing'),
      json: JSON_OPTION,
    },
    json: 'the image, the deployment, its kernel command line, where the old state is kept, and what cannot be booted any more',
    examples: [
      { command: 'slipway install reset --dry-run', why: 'see what would become of this host' },
      {
        command:
          'slipway install reset --root-ssh-authorized-keys keys.pub --acknowledge-destructive --apply',
        why: 'begin anew with the image this host follows, at once',
      },
    ],
    load: async () => (await import('../../commands/install-reset.ts')).installResetCommand,
  }),
  defineCommand({
    path: ['install', 'finalize'],
    summary: 'trim a file system that was installed to and make it read-only',
    description: ['What to-filesystem ends with, for whoever gave it --skip-finalize and added something.'],
    arguments: { path: argument('PATH', 'where the file system is mounted', { completion: 'directory' }) },
    options: {},
    examples: [{ command: 'slipway install finalize /mnt', why: 'before it is unmounted' }],
    load: async () => (await import('../../commands/install-finalize.ts')).installFinalize,
  }),
  defineCommand({
    path: ['install', 'ensure-completion'],
    summary: 'look whether an installation has everything a machine starts with',
    description: [
      'For what an installer of another kind put together, or a script added to: reads every object of the store, the state of each deployment, and the boot entries with their kernels, and prints what is missing or damaged. Nothing is changed. Ends with 1 when something is.',
    ],
    arguments: {
      path: argument('PATH', 'where the root of the new host is mounted', { completion: 'directory' }),
    },
    options: {
      boot: value(
        'DIR',
        'where its boot partition is mounted; boot, efi or boot/efi below PATH unless given',
        {
          completion: 'directory',
        },
      ),
      json: JSON_OPTION,
    },
    json: 'whether it is complete, its deployments, and every problem',
    examples: [
      {
        command: 'slipway install ensure-completion /mnt',
        why: 'before slipway install finalize and a restart',
      },
    ],
    load: async () => (await import('../../commands/install-ensure-completion.ts')).installEnsureCompletion,
  }),
  defineCommand({
    path: ['install', 'print-configuration'],
    summary: 'print how an installation from this system goes by default',
    description: [
      'Merges bootc/install/*.toml in /usr/lib, /usr/local/lib, /etc and /run and prints the file system of the root as JSON, or with --all everything. slipway install to-disk goes by the same files where an option is not given.',
    ],
    arguments: {},
    options: {
      all: flag('print kernel arguments and everything else too'),
      root: valueOr('/', 'DIR', 'root of the system that is asked', { completion: 'directory' }),
    },
    examples: [
      { command: 'slipway install print-configuration', why: 'what a disk builder asks an image' },
      { command: 'slipway install print-configuration --all', why: 'see kernel arguments too' },
    ],
    load: async () =>
      (await import('../../commands/install-print-configuration.ts')).installPrintConfiguration,
  }),
];
