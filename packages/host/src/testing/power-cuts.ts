import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import type { Checkpoint } from '../system.ts';
import { systemOf, type TestHost } from './test-host.ts';

/** A machine as it is after a power cut, whole, in a directory of its own. */
export interface CutMachine {
  readonly point: Checkpoint;
  readonly directory: string;
}

/** Power cuts: at every durable step of the work the whole disk is copied as it is in that instant. */
export async function cuts(
  directory: string,
  host: TestHost,
  work: (host: TestHost) => Promise<unknown>,
): Promise<readonly CutMachine[]> {
  const taken: CutMachine[] = [];
  const cutting = systemOf(host.directory, host.bootedId, (point) => {
    const copy = join(directory, `cut-${taken.length}-${point}`);
    execFileSync('cp', ['-a', host.directory, copy]);
    taken.push({ point, directory: copy });
  });
  await work(cutting);
  return taken;
}
