import { type OperationOptions, operation, type ProgressSink } from '@slipway/core';
import { type DiskTarget, writeFat, writeGptDisk } from '@slipway/disk';
import type { DiskPlan } from './disk-plan.ts';

/**
 * Writes a planned disk in one ascending pass, and finishes it.
 *
 * @param task what progress calls it
 * @throws SlipwayError IO_FAILED, DISK_NO_SPACE, OBJECT_CORRUPT, DISK_CONTENT_CHANGED, TOOL_MISSING, TOOL_FAILED
 */
export async function writeDisk(
  target: DiskTarget,
  plan: DiskPlan,
  task: string,
  options: OperationOptions,
): Promise<void> {
  const { progress } = operation(options);
  await writeGptDisk(
    target,
    plan.layout,
    {
      bootCode: plan.bootCode,
      partitions: new Map([
        [plan.espUuid, (window, operation) => writeFat(window, plan.esp, operation)],
        [plan.rootPartitionUuid, plan.root.content],
        ...plan.extras,
      ]),
    },
    { ...options, progress: renamed(progress, task) },
  );
  await target.finish();
}

/** Whoever writes a part does not know what it is a part of. */
export function renamed(progress: ProgressSink, task: string): ProgressSink {
  return (event) => progress({ ...event, task });
}
