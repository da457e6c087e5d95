import { basename } from 'node:path';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Files that take minutes, the longest first. */
const LONG = [
  'fresh-machine',
  'host-lifecycle',
  'health-vm',
  'installer-bios-vm',
  'installer-vm',
  'root-volumes-vm',
  'base-image',
  'rechunk',
  'pull-kill',
  'examples',
  'delta',
  'import-umoci',
  'vm',
  'grub-vm',
  'fleet-postgres',
  // Of faults, which run apart from the others.
  'power-cut',
  'bad-updates',
  'fleet-hosts',
  'encrypted-root',
  'apps',
  'major-upgrade',
  'raid-root',
  'fleet-rollout',
  'soft-reboot',
].map((name) => `${name}.test.ts`);

/**
 * Two files run beside each other, and none begins before one has ended: what takes longest goes first, so that no processor waits at
 * the end for the other. The rest go by size, which is Vitest's guess of how long a file takes.
 */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rest = await super.sort(files);
    return rest.toSorted((a, b) => rankOf(a) - rankOf(b));
  }
}

function rankOf({ moduleId, project }: TestSpecification): number {
  if (project.name === 'slow') return LONG.length + 1;
  if (project.name === 'unit') return LONG.length + 2;
  const rank = LONG.indexOf(basename(moduleId));
  return rank === -1 ? LONG.length : rank;
}
