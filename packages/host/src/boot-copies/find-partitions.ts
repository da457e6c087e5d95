/** The boot partitions of the other disks a root lies on, as sysfs shows them. */
import { readdir, readFile, realpath } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { errnoOf } from '@slipway/core';
import { listDirectory } from '../directory.ts';
import { mountAt } from '../mount-table.ts';

/** Where the kernel lists block devices, each a link into the tree of all devices. */
const BLOCK_DEVICES = '/sys/class/block';
/** What an installer calls the partitions it makes, in the partition table: nobody else's is touched. */
const PARTITION_NAME = 'slipway-esp';

/**
 * Names of boot partitions (`vdb1`) on the disks the root lies on, without the one that is mounted; none where the root lies on one disk.
 *
 * @param esp where that one is mounted
 */
export async function otherBootPartitions(
  mountInfo: string,
  { sysroot, esp }: { readonly sysroot: string; readonly esp: string },
  devices: string = BLOCK_DEVICES,
): Promise<readonly string[]> {
  const root = await deviceAt(mountInfo, sysroot);
  const mounted = await deviceAt(mountInfo, esp);
  if (root === undefined || mounted === undefined) return [];
  const disks = new Set(await disksBelow(root, devices));
  if (disks.size < 2) return [];
  const partitions = (await Promise.all([...disks].map((disk) => bootPartitionsOf(disk, devices)))).flat();
  return partitions.filter((name) => name !== mounted).toSorted();
}

/** `vda2`; of a link such as those of device mapper what it leads to. */
async function deviceAt(mountInfo: string, place: string): Promise<string | undefined> {
  const source = mountAt(mountInfo, place)?.source;
  if (source?.startsWith('/dev/') !== true) return undefined;
  return basename(await realpath(source).catch(() => source));
}

/** Through arrays, volumes and partitions of whatever, down to what is made of nothing. */
async function disksBelow(name: string, devices: string): Promise<readonly string[]> {
  const below = await listDirectory(join(devices, name, 'slaves'));
  if (below.length > 0) return (await Promise.all(below.map((each) => disksBelow(each, devices)))).flat();
  const facts = await factsOf(join(devices, name));
  if (!facts.has('PARTN')) return [name];
  return await disksBelow(basename(dirname(await realpath(join(devices, name)))), devices);
}

async function bootPartitionsOf(disk: string, devices: string): Promise<readonly string[]> {
  const found: string[] = [];
  for (const entry of await readdir(join(devices, disk), { withFileTypes: true })) {
    if (!entry.isDirectory() || !entry.name.startsWith(disk)) continue;
    const facts = await factsOf(join(devices, disk, entry.name));
    if (facts.get('PARTNAME') === PARTITION_NAME) found.push(entry.name);
  }
  return found;
}

/** What the kernel says of a device in its `uevent`. */
async function factsOf(directory: string): Promise<ReadonlyMap<string, string>> {
  const text = await readFile(join(directory, 'uevent'), 'utf8').catch((thrown: unknown) => {
    if (errnoOf(thrown) === 'ENOENT') return '';
    throw thrown;
  });
  const pairs = text.split('\n').map((line) => line.split('=', 2));
  return new Map(pairs.map(([key = '', value = '']) => [key, value]));
}
