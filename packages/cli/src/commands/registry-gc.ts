import { formatBytes } from '@slipway/core';
import { collectGarbage, type GarbageReport } from '@slipway/registry';
import type { CommandContext } from '../command/spec.ts';
import { emit } from '../output/emit.ts';

interface RegistryGcInput {
  readonly root: string;
  readonly olderThan: number;
  readonly deleteUntagged: boolean;
  readonly dryRun: boolean;
  readonly json: boolean;
}

const HOUR_MS = 3_600_000;

/** `slipway registry gc`. */
export async function registryGc(input: RegistryGcInput, context: CommandContext): Promise<number> {
  const { root, olderThan, deleteUntagged, dryRun } = input;
  const report = await collectGarbage({
    ...context.operation,
    root,
    graceMs: olderThan * HOUR_MS,
    deleteUntagged,
    dryRun,
  });
  emit(context, input, report, (counted) => gcWords(counted, dryRun));
  return 0;
}

function gcWords(report: GarbageReport, dryRun: boolean): readonly string[] {
  const { removedManifests, removedBlobs, removedBytes, removedLeftovers, keptBlobs, keptBytes } = report;
  return [
    `${dryRun ? 'would remove' : 'removed'} ${removedBlobs} blobs (${formatBytes(removedBytes)}), ${removedManifests} manifests, ${removedLeftovers} leftovers`,
    `${dryRun ? 'would keep' : 'kept'} ${keptBlobs} blobs (${formatBytes(keptBytes)})`,
  ];
}
