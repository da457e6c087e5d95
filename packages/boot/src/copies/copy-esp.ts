import { createReadStream } from 'node:fs';
import { dirname, join } from 'node:path';
import {
  makeDirectoryDurably,
  removeDirectoryDurably,
  removeFileDurably,
  writeFileDurably,
} from '../durable-file.ts';
import { type CopyVersion, readCopyVersion, writeCopyVersion } from './copy-version.ts';
import type { EspContents } from './esp-contents.ts';
import { type CopyStep, planCopy } from './plan-copy.ts';

/**
 * Makes `target` like `source`, and says at last that it is of the same version. A cut leaves a partition that starts a machine, of its old
 * version: whoever compares the two next goes on.
 *
 * @param version of `source`
 */
export async function copyEsp(source: EspContents, target: EspContents, version: CopyVersion): Promise<void> {
  const steps = planCopy(source, target);
  const known = await readCopyVersion(target.esp);
  if (steps.length === 0 && known.number === version.number && known.sum === version.sum) return;
  for (const step of steps) await applyStep(source.esp, target.esp, step);
  await writeCopyVersion(target.esp, version);
}

/** Each is on the disk when it returns. */
export async function applyStep(source: string, target: string, step: CopyStep): Promise<void> {
  if (step.kind === 'remove') await removeFileDurably(join(target, step.path));
  else if (step.kind === 'remove-kernel') await removeDirectoryDurably(join(target, step.directory));
  else {
    const path = join(target, step.path);
    await makeDirectoryDurably(dirname(path));
    await writeFileDurably(path, createReadStream(join(source, step.path)));
  }
}
