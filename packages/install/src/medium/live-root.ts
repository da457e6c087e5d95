import { bootTree } from '@slipway/composefs';
import { type DiskDirectory, type Ext4Plan, planExt4 } from '@slipway/disk';
import type { ResolvedImage } from '@slipway/oci';
import type { PreparedHost } from '../prepare-host.ts';
import type { MediumRequest } from '../request.ts';
import { rootTree } from '../root-tree.ts';
import { storeContent } from '../store-tree.ts';
import { installerFiles } from './installer-files.ts';
import { liveRootUuid } from './live-boot.ts';
import type { PreparedPayload } from './payload.ts';

/** What a live system is made of. */
export interface LiveParts {
  readonly host: PreparedHost;
  /** What it starts, and installs unless another is chosen. */
  readonly image: ResolvedImage;
  readonly payloads: readonly PreparedPayload[];
}

/**
 * The root file system a live system runs from: what a host would have, sealed in the same way, and beside it the directory `slipway` with
 * what an installer needs. Nothing more fits: what is written is kept in memory.
 */
export function planLiveRoot(
  { host: { repository, imported, deployment }, image, payloads }: LiveParts,
  request: MediumRequest,
): Ext4Plan {
  const { id, timeSec } = deployment;
  const hosts = payloads.map(({ host }) => host);
  const host = rootTree({
    repository,
    id,
    image: bootTree(imported.tree),
    ...storeContent(repository, [{ imported, deployment }, ...hosts]),
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
    entries: new Map([...host.entries, ['slipway', installerFiles(image, deployment, request, payloads)]]),
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
