import type { LogicalVolumeConfig, PartitionConfig } from '../config/types.ts';
import type { RootFileSystem } from '../request.ts';
import { sizingOf } from '../storage/request.ts';
import type { LayerDraft } from './layer-draft.ts';
import type { OpenedDevice } from './opened-device.ts';
import { draftFileSystem } from './planned-file-system.ts';
import { shareRoom } from './share-room.ts';
import type { StepOf } from './step.ts';
import { nameOf } from './wanted-partitions.ts';

const MIB = 1024 ** 2;
/** LVM cuts into these. */
const EXTENT_BYTES = 4 * MIB;
const LUKS_HEADER_BYTES = 16 * MIB;
const DEFAULT_NAME = 'slipway';

/** Volume groups while the partitions they are made of are gone through, by name. */
export class VolumeGroups {
  readonly #groups = new Map<string, Group>();

  /** Takes a partition into its group. @param sizeBytes of the partition */
  add(
    { name = DEFAULT_NAME, logical_volumes = [] }: PartitionConfig,
    on: OpenedDevice,
    sizeBytes: number,
  ): void {
    const group = this.#groups.get(name) ?? { devices: [], bytes: 0, encryption: [], volumes: [] };
    this.#groups.set(name, group);
    group.devices.push(on.path);
    group.encryption.push(...on.encryption);
    const usableBytes = sizeBytes - MIB - (on.encryption.length > 0 ? LUKS_HEADER_BYTES : 0);
    group.bytes += Math.floor(usableBytes / EXTENT_BYTES) * EXTENT_BYTES;
    group.volumes.push(...logical_volumes);
  }

  /** Makes the groups, their volumes, and what stands on them. */
  draft(draft: LayerDraft, rootFileSystem: RootFileSystem): void {
    for (const [name, group] of this.#groups) draftGroup(draft, name, group, rootFileSystem);
  }
}

interface Group {
  readonly devices: string[];
  bytes: number;
  readonly encryption: StepOf<'encrypt'>[];
  readonly volumes: LogicalVolumeConfig[];
}

function draftGroup(
  draft: LayerDraft,
  name: string,
  { devices, bytes, encryption, volumes }: Group,
  rootFileSystem: RootFileSystem,
): void {
  draft.needs.add('lvm');
  draft.steps.push({ kind: 'make-group', name, devices });
  const claims = volumes.map((volume) => ({ isRoot: volume.mountpoint === '/', sizing: sizingOf(volume) }));
  const sizes = shareRoom(claims, bytes, bytes);
  const made = volumes.map((volume, index) => ({ volume, sizeBytes: sizes[index] }));
  // What is left is known when the others are there.
  const ordered = [
    ...made.filter((each) => each.sizeBytes !== undefined),
    ...made.filter((each) => each.sizeBytes === undefined),
  ];
  for (const { volume, sizeBytes } of ordered) {
    const own = volume.name ?? nameOf(volume);
    const wholeExtents =
      sizeBytes === undefined ? undefined : Math.ceil(sizeBytes / EXTENT_BYTES) * EXTENT_BYTES;
    draft.steps.push({ kind: 'make-volume', group: name, name: own, sizeBytes: wholeExtents });
    draftFileSystem(draft, volume, { path: `/dev/${name}/${own}`, encryption }, rootFileSystem);
  }
}
