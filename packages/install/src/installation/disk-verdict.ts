import type { BlockDevice } from '../block/block-device.ts';
import { contentsOf, diskWords, usesOf } from '../block/guard-disk.ts';
import { type DiskSelection, isSelected, mayErase } from '../kickstart/disk-selection.ts';
import { writableDisks } from './kickstart-run.ts';

/** What a kickstart file would do to one disk of a machine. */
export interface DiskVerdict {
  readonly path: string;
  /** Size, model and serial number with it. */
  readonly words: string;
  /**
   * `install`: the host is put on it. `refuse`: it would be, and holds something the file does not let go. `choose`: one of several
   * that would do, so that nothing is done until one is named. `in-use`, `excluded`: nothing happens to it.
   */
  readonly verdict: 'install' | 'refuse' | 'choose' | 'in-use' | 'excluded';
  /** Who uses it; nothing of the other verdicts. */
  readonly uses: readonly string[];
  /** What stands on it, as far as udev knows. */
  readonly contents: readonly string[];
}

/**
 * Judges every disk as an installation would that is not told which one to take.
 *
 * @param named paths of disks that partitions are put on: all of them are taken, and no other
 */
export function judgeDisks(
  selection: DiskSelection,
  devices: readonly BlockDevice[],
  named: readonly string[] = [],
): readonly DiskVerdict[] {
  const disks = writableDisks(devices);
  const free = disks.filter((disk) => isSelected(selection, disk.path) && usesOf(disk).length === 0);
  return disks.map((disk) => {
    const uses = usesOf(disk);
    const contents = contentsOf(disk, []);
    const facts = { path: disk.path, words: diskWords(disk), uses, contents };
    const isNamed = named.includes(disk.path);
    if (!isSelected(selection, disk.path) || (named.length > 0 && !isNamed))
      return { ...facts, verdict: 'excluded' };
    if (uses.length > 0) return { ...facts, verdict: 'in-use' };
    if (free.length > 1 && !isNamed) return { ...facts, verdict: 'choose' };
    const isLost = contents.length > 0 && !mayErase(selection, disk.path);
    return { ...facts, verdict: isLost ? 'refuse' : 'install' };
  });
}

/** The verdicts in words, a line each, what is lost in capitals. */
export function verdictWords(verdicts: readonly DiskVerdict[]): readonly string[] {
  if (verdicts.length === 0) return ['this machine has no disk that can be written'];
  return verdicts.map((each) => `${each.words}: ${MEANINGS[each.verdict](each)}`);
}

const MEANINGS: Readonly<Record<DiskVerdict['verdict'], (verdict: DiskVerdict) => string>> = {
  install: (verdict) =>
    `THE HOST IS INSTALLED HERE; ${verdict.contents.length === 0 ? '' : 'LOST: '}${heldBy(verdict)}`,
  refuse: (verdict) =>
    `refused, it is not empty and the file has no clearpart --all for it: ${heldBy(verdict)}`,
  choose: (verdict) =>
    `one of several that would do; nothing is done until ignoredisk or DEVICE names one; ${heldBy(verdict)}`,
  'in-use': ({ uses }) => `left as it is, ${uses.join('; ')}`,
  excluded: () => 'left as it is, it is none of those the file means',
};

function heldBy({ contents }: DiskVerdict): string {
  return contents.length === 0 ? 'it is empty' : contents.join('; ');
}
