import type { PartitionConfig, RaidConfig } from '../config/types.ts';
import type { RootFileSystem } from '../request.ts';
import type { LayerDraft } from './layer-draft.ts';
import { unknownLayout } from './layer-plan.ts';
import { draftOpened } from './opened-device.ts';
import { draftFileSystem } from './planned-file-system.ts';

/**
 * An array of partitions and what stands on it.
 *
 * @param devices of all partitions
 * @throws SlipwayError CONFIG_INVALID for a member that is not there
 */
export function draftArray(
  draft: LayerDraft,
  { name, level, members, spares = 0, ...raid }: RaidConfig,
  devices: ReadonlyMap<PartitionConfig, string>,
  rootFileSystem: RootFileSystem,
): void {
  draft.needs.add('raid');
  draft.steps.push({
    kind: 'make-array',
    name,
    level,
    members: members.map((member) => memberDevice(name, member, devices)),
    spares,
  });
  const opened = draftOpened(draft, `/dev/md/${name}`, raid.encryption);
  draftFileSystem(draft, raid, opened, rootFileSystem);
}

function memberDevice(array: string, member: string, devices: ReadonlyMap<PartitionConfig, string>): string {
  const found = [...devices].find(([{ type, name }]) => type === 'raid' && name === member);
  if (found === undefined)
    throw unknownLayout(`the array ${array} is made of ${member}, and there is no such partition`);
  return found[1];
}
