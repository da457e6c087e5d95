/** How a host finds its layered storage again: kernel arguments, crypttab, mounts. */
import { PARTITION_TYPES } from '@slipway/disk';
import { type ExtraPartition, sizingOf } from '../storage/request.ts';
import type { PlannedVolume } from './layer-plan.ts';
import type { StepOf } from './step.ts';

/**
 * systemd gives up on a root after 90 seconds, and the machine starts again: too soon for whoever is to type a passphrase, and each time
 * an attempt of a new deployment is gone.
 */
const FOR_EVER = 'x-systemd.device-timeout=infinity';

/** What a TPM opens needs nobody, and should it not, the machine must come back by itself. */
function waitsForSomebody({ hasPassphrase, hasTpm2 }: StepOf<'encrypt'>): boolean {
  return hasPassphrase && !hasTpm2;
}

/** Kernel arguments that lead to the root. */
export function rootArguments({ uuid, options, encryption }: PlannedVolume): string {
  const subvolume = /(?:^|,)(?<name>subvol=[^,]+)/.exec(options ?? '')?.groups?.['name'];
  const flags = [
    ...(subvolume === undefined ? [] : [subvolume]),
    ...(encryption.some(waitsForSomebody) ? [FOR_EVER] : []),
  ];
  return [
    `root=UUID=${uuid}`,
    'rw',
    ...(flags.length === 0 ? [] : [`rootflags=${flags.join(',')}`]),
    ...encryption.flatMap((volume) => [
      `rd.luks.uuid=${volume.uuid}`,
      ...(volume.hasTpm2 ? [`rd.luks.options=${volume.uuid}=tpm2-device=auto`] : []),
    ]),
  ].join(' ');
}

/** The line of a volume that is opened after the root is there. */
export function crypttabLine({ name, uuid, hasTpm2 }: StepOf<'encrypt'>): string {
  return `${name} UUID=${uuid} none ${hasTpm2 ? 'tpm2-device=auto' : 'luks'}\n`;
}

/** What is mounted beside the root. */
export function extraOf(
  { uuid, fileSystem, label, mountpoint, options }: PlannedVolume,
  index: number,
): ExtraPartition {
  return {
    // Of its own: two subvolumes have one file system.
    uuid: `${uuid}:${index}`,
    type: PARTITION_TYPES.linuxData,
    partitionLabel: '',
    fileSystem,
    source: `UUID=${uuid}`,
    fileSystemUuid: uuid,
    fileSystemLabel: label,
    mountpoint,
    mountOptions: options,
    sizing: sizingOf({}),
  };
}
