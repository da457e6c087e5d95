import { bootTree } from '@slipway/composefs';
import { type DiskDirectory, type Ext4Plan, planExt4 } from '@slipway/disk';
import type { ResolvedImage } from '@slipway/oci';
import type { PreparedHost } from '../prepare-host.ts';
import type { MediumRequest } from '../request.ts';
import { rootTree } from '../root-tree.ts';
import { installerFiles } from './installer-files.ts';
import { liveRootUuid } from './live-boot.ts';

/**
 * The root file system a live system runs from: what a host would have, sealed in the same way, and beside it the directory `slipway` with
 * what an installer needs. Nothing more fits: what is written is kept in memory.
 */
export function planLiveRoot(
  { repository, imported, deployment }: PreparedHost,
  image: ResolvedImage,
  request: MediumRequest,
): Ext4Plan {
  const { id, timeSec } = deployment;
  const { objects, streams } = repository.reachable({ images: [id], streams: [imported.stream] });
  const host = rootTree({
    repository,
    id,
    image: bootTree(imported.tree),
    objects,
    streams,
    // It serves the installer as a store of objects, and memory seals nothing.
    metaJson: repository.metaJson('none'),
    origin: deployment.origin,
    history: deployment.history,
    edits: new Map(),
    mounts: [],
    timeSec,
  });
  const tree: DiskDirectory = {
    ...host,
    entries: new Map([...host.entries, ['slipway', installerFiles(image, deployment, request)]]),
  };
  return planExt4(tree, {
    uuid: liveRootUuid(deployment),
    label: 'slipway-live',
    timeSec,
    // Nobody writes it: no journal, no room for more.
    journalBytes: 0,
    reservedPercent: 0,
  });
}
