import { randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type Operation, run } from '@slipway/core';
import type { FsType } from '../config/types.ts';
import type { Executors } from './context.ts';
import { settle } from './execute-disk.ts';
import type { StepOf } from './step.ts';

/** Steps that other programs do: each is the standard tool of its kind. */
export const LAYER_EXECUTORS: Executors<
  'make-array' | 'encrypt' | 'make-group' | 'make-volume' | 'make-file-system' | 'make-subvolumes' | 'mount'
> = {
  'make-array': async ({ name, level, members, spares }, { operation, opened }) => {
    const device = `/dev/md/${name}`;
    const counts = [`--raid-devices=${members.length - spares}`, `--spare-devices=${spares}`];
    // After a power cut only what was being written is compared; asked for by name, for newer versions of mdadm ask otherwise.
    const bitmap = level === '0' ? [] : ['--bitmap=internal'];
    const how = [
      '--metadata=1.2',
      '--homehost=any',
      `--name=${name}`,
      '--run',
      `--level=${level}`,
      ...bitmap,
    ];
    await run(['mdadm', '--create', device, ...how, ...counts, ...members], {
      describe: `make the array ${name}`,
      debianPackage: 'mdadm',
      ...operation,
    });
    opened.defer(() => done(['mdadm', '--stop', device], `stop the array ${name}`));
    await settle(operation);
  },

  encrypt: async (step, { operation, opened, passphrases, recoveryKeys }) => {
    const { device, uuid, name, hasTpm2, hasRecoveryKey, hasPassphrase } = step;
    // Where nobody gave one, a passphrase that nobody will ever know, taken away in the end.
    const passphrase = passphrases.get(uuid) ?? randomBytes(48).toString('base64url');
    const format = ['--batch-mode', '--type=luks2', `--uuid=${uuid}`, '--key-file=-'];
    await cryptsetup(['luksFormat', ...format, device], passphrase, `encrypt ${device}`, operation);
    if (hasRecoveryKey) recoveryKeys.set(device, await enrol(step, '--recovery-key', passphrase, operation));
    if (hasTpm2) await enrol(step, '--tpm2-device=auto', passphrase, operation);
    await cryptsetup(['open', '--key-file=-', device, name], passphrase, `open ${device}`, operation);
    opened.defer(() => done(['cryptsetup', 'close', name], `close ${device}`));
    if (!hasPassphrase) await enrol(step, '--wipe-slot=password', passphrase, operation);
    await settle(operation);
  },

  'make-group': async ({ name, devices }, { operation, opened }) => {
    const lvm = { debianPackage: 'lvm2', ...operation };
    await run(['vgcreate', '--yes', name, ...devices], { describe: `make the volume group ${name}`, ...lvm });
    opened.defer(() => done(['vgchange', '--activate', 'n', name], `close the volume group ${name}`));
  },

  'make-volume': async ({ group, name, sizeBytes }, { operation }) => {
    const size = sizeBytes === undefined ? ['--extents', '100%FREE'] : ['--size', `${sizeBytes}b`];
    await run(['lvcreate', '--yes', '--wipesignatures', 'y', '--name', name, ...size, group], {
      describe: `make the volume ${group}/${name}`,
      debianPackage: 'lvm2',
      ...operation,
    });
    await settle(operation);
  },

  'make-file-system': async (step, { operation }) => {
    const maker = MAKERS[step.fileSystem];
    if (maker === undefined) return;
    await run(maker.argv(step), {
      describe: `make ${step.fileSystem} on ${step.device}`,
      debianPackage: maker.debianPackage,
      ...operation,
    });
  },

  'make-subvolumes': async ({ device, names }, { operation, directory }) => {
    const at = join(directory, 'btrfs');
    await mkdir(at, { recursive: true });
    await run(['mount', '-t', 'btrfs', device, at], { describe: `mount ${device}`, ...operation });
    try {
      for (const name of names) {
        await run(['btrfs', 'subvolume', 'create', join(at, name)], {
          describe: `make the subvolume ${name}`,
          debianPackage: 'btrfs-progs',
          ...operation,
        });
      }
    } finally {
      await done(['umount', at], `unmount ${device}`);
    }
  },

  mount: async ({ device, fileSystem, options, tree, at }, { operation, opened, directory }) => {
    const path = join(directory, tree, at);
    await mkdir(path, { recursive: true });
    const given = options === undefined ? [] : ['-o', options];
    await run(['mount', '-t', fileSystem, ...given, device, path], {
      describe: `mount ${device}`,
      ...operation,
    });
    opened.defer(() => done(['umount', path], `unmount ${device}`));
  },
};

interface Maker {
  readonly debianPackage: string;
  readonly argv: (step: StepOf<'make-file-system'>) => readonly [string, ...string[]];
}

const MAKERS: Readonly<Record<FsType, Maker | undefined>> = {
  ext4: {
    debianPackage: 'e2fsprogs',
    argv: ({ device, uuid, label }) => [
      'mkfs.ext4',
      '-q',
      '-F',
      '-O',
      'verity',
      '-U',
      uuid,
      ...named('-L', label),
      device,
    ],
  },
  xfs: {
    debianPackage: 'xfsprogs',
    argv: ({ device, uuid, label }) => [
      'mkfs.xfs',
      '-q',
      '-f',
      '-m',
      `uuid=${uuid}`,
      ...named('-L', label),
      device,
    ],
  },
  btrfs: {
    debianPackage: 'btrfs-progs',
    argv: ({ device, uuid, label }) => ['mkfs.btrfs', '-q', '-f', '-U', uuid, ...named('-L', label), device],
  },
  vfat: {
    debianPackage: 'dosfstools',
    argv: ({ device, uuid, label }) => [
      'mkfs.vfat',
      '-F',
      '32',
      '-i',
      uuid.replaceAll('-', '').slice(0, 8),
      ...named('-n', label?.toUpperCase()),
      device,
    ],
  },
  swap: {
    debianPackage: 'util-linux',
    argv: ({ device, uuid, label }) => ['mkswap', '-U', uuid, ...named('-L', label), device],
  },
  none: undefined,
};

function named(option: string, label: string | undefined): readonly string[] {
  return label === undefined ? [] : [option, label];
}

async function cryptsetup(
  args: readonly string[],
  passphrase: string,
  describe: string,
  operation: Operation,
): Promise<void> {
  // On standard input: an argument or a file could be read by others.
  await run(['cryptsetup', ...args], {
    describe,
    input: passphrase,
    debianPackage: 'cryptsetup-bin',
    ...operation,
  });
}

/** What systemd-cryptenroll prints: a recovery key and nothing else. */
async function enrol(
  { device }: StepOf<'encrypt'>,
  option: string,
  passphrase: string,
  operation: Operation,
): Promise<string> {
  const { stdout } = await run(['systemd-cryptenroll', option, device], {
    describe: `enrol what opens ${device} (${option})`,
    env: { PASSWORD: passphrase },
    debianPackage: 'systemd-cryptsetup',
    ...operation,
  });
  return stdout.toString('utf8').trim();
}

/** Undoing goes on where the signal has fired. */
async function done(argv: readonly [string, ...string[]], describe: string): Promise<void> {
  await run(argv, { describe });
}
