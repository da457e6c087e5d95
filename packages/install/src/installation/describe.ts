import { formatBytes } from '@slipway/core';
import type { InstallStep, StepKind, StepOf } from './step.ts';

type Describers = { readonly [K in StepKind]: (step: StepOf<K>) => string };

/** A step in one line, for people: what is lost stands in it in capitals. */
export function stepWords<K extends StepKind>(step: StepOf<K>): string {
  const describe = DESCRIBERS[step.kind] as (step: StepOf<K>) => string;
  return describe(step);
}

/** A whole plan, numbered, with the partitions it makes. */
export function planWords(steps: readonly InstallStep[]): readonly string[] {
  return steps.flatMap((step, index) => [
    `${index + 1}. ${stepWords(step)}`,
    ...('partitions' in step
      ? step.partitions.map(
          ({ number, label, holds, sizeBytes }) =>
            `     ${number}  ${label.padEnd(16)} ${formatBytes(sizeBytes).padStart(9)}  ${holds}`,
        )
      : []),
  ]);
}

const TREES: Readonly<Record<StepOf<'mount'>['tree'], string>> = {
  root: 'root',
  boot: 'boot',
  'boot-copies': 'copy of the boot partition',
};

const DESCRIBERS: Describers = {
  'wipe-signatures': ({ paths }) => `ERASE what is on ${paths.join(', ')}`,
  'clear-file': ({ path, sizeBytes }) => `EMPTY the file ${path} of ${formatBytes(sizeBytes)}`,
  clear: ({ path, offsetBytes, lengthBytes }) =>
    `CLEAR ${formatBytes(lengthBytes)} of ${path} from byte ${offsetBytes}`,
  'write-disk': ({ path }) => `write partition table, boot partition and root to ${path}`,
  'verify-disk': ({ path }) => `read partition table and boot partition of ${path} back`,
  'write-table': ({ path }) => `WRITE A NEW PARTITION TABLE to ${path}`,
  'read-table': ({ path }) => `make the kernel see the new partitions of ${path}`,
  'make-array': ({ name, level, members, spares }) =>
    `make the array ${name}, level ${level}, of ${members.join(', ')}${spares === 0 ? '' : `, ${spares} of them spare`}`,
  encrypt: ({ device, ...step }) => `encrypt ${device}, opened by ${openersOf(step).join(', ')}`,
  'make-group': ({ name, devices }) => `make the volume group ${name} of ${devices.join(', ')}`,
  'make-volume': ({ group, name, sizeBytes }) =>
    `make the volume ${group}/${name} of ${sizeBytes === undefined ? 'all that is left' : formatBytes(sizeBytes)}`,
  'make-file-system': ({ device, fileSystem }) => `make ${fileSystem} on ${device}`,
  'make-subvolumes': ({ device, names }) => `make the subvolumes ${names.join(', ')} on ${device}`,
  mount: ({ device, tree, at }) => `mount ${device} as the ${TREES[tree]}${at === '' ? '' : `, at ${at}`}`,
  'write-host': ({ replaced = [] }) =>
    replaced.length === 0
      ? 'write the image, its state and its boot entry'
      : `write the image and its state, then REMOVE ${replaced.join(', ')} and write the boot entry`,
  remove: ({ paths }) => `REMOVE ${paths.join(', ')}`,
  finalize: ({ paths }) => `trim ${paths.join(', ')} and make them read-only`,
  'mount-system': () => 'put the new system together for scripts',
  'run-script': ({ when, interpreter, inNewSystem, file, line }) =>
    `run %${when} of ${file}:${line} with ${interpreter}${inNewSystem ? ' in the new system' : ''}`,
  release: () => 'unmount and close everything',
};

function openersOf({
  hasPassphrase,
  hasTpm2,
  hasRecoveryKey,
}: Omit<StepOf<'encrypt'>, 'device'>): readonly string[] {
  return [
    ...(hasPassphrase ? ['the passphrase'] : []),
    ...(hasTpm2 ? ['the TPM of this machine'] : []),
    ...(hasRecoveryKey ? ['a recovery key that is printed'] : []),
  ];
}
