import { SlipwayError } from '@slipway/core';
import type { KickstartScript } from '../kickstart/plan.ts';
import type { InstallStep } from './step.ts';

/** What scripts inside the new system need. */
export interface ScriptStage {
  /** Steps that mount the root; none where it is mounted already, undefined where it cannot be. */
  readonly mounts: readonly InstallStep[] | undefined;
  readonly deployment: string;
}

/**
 * A plan with the scripts of a kickstart file in their places: `%pre-install` before the host is written, `%post` after it and before
 * everything is let go.
 *
 * @throws SlipwayError DISK_UNSUITABLE for scripts inside a system that stands in a file
 */
export function withScripts(
  steps: readonly InstallStep[],
  scripts: readonly KickstartScript[],
  { mounts, deployment }: ScriptStage,
): readonly InstallStep[] {
  const before = scriptSteps(scripts, 'pre-install');
  const after = scriptSteps(scripts, 'post');
  if (before.length + after.length === 0) return steps;
  const write = steps.findIndex(({ kind }) => kind === 'write-disk' || kind === 'write-host');
  const start = [
    ...steps.slice(0, write),
    ...before,
    ...steps.slice(write).filter(({ kind }) => kind !== 'release'),
  ];
  const release: readonly InstallStep[] = [{ kind: 'release' }];
  if (after.length === 0)
    return steps.some(({ kind }) => kind === 'release') ? [...start, ...release] : start;
  if (mounts === undefined) {
    throw new SlipwayError(
      'DISK_UNSUITABLE',
      'cannot run the %post scripts: nothing in a file can be mounted',
      {
        hint: 'attach the file: losetup --find --show --partscan FILE, and install to the loop device',
      },
    );
  }
  return [...start, ...mounts, { kind: 'mount-system', deployment }, ...after, ...release];
}

function scriptSteps(
  scripts: readonly KickstartScript[],
  wanted: KickstartScript['when'],
): readonly InstallStep[] {
  return scripts.flatMap(
    ({ when, interpreter, inNewSystem, stopsOnError, file, line }, index): readonly InstallStep[] =>
      when === wanted
        ? [{ kind: 'run-script', index, when, interpreter, inNewSystem, stopsOnError, file, line }]
        : [],
  );
}
