/**
 * Kernel arguments of this machine alone: `/etc/bootc/kargs.d/*.toml`, in the form of the image's. What was taken from there for a
 * deployment is kept beside it, so that the next one can tell what is new, what is gone, and what was set by hand.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { formatKernelCommandLine, type KernelCommandLine, parseKernelCommandLine } from '@slipway/boot';
import { errnoOf } from '@slipway/core';
import { listDirectory } from './directory.ts';
import { parseKargsFile } from './image-kargs.ts';
import type { HostSystem } from './system.ts';

/** Of `/etc`. */
const LOCAL_KARGS_DIRECTORY = 'bootc/kargs.d';

/** What the files say now, in the order of their names. @throws SlipwayError KERNEL_ARGUMENT_INVALID, naming the file */
export async function localKernelArguments({ etc, architecture }: HostSystem): Promise<KernelCommandLine> {
  const directory = join(etc, LOCAL_KARGS_DIRECTORY);
  const names = (await listDirectory(directory)).filter((name) => name.endsWith('.toml'));
  const all: KernelCommandLine[] = [];
  for (const name of names) {
    const path = `/etc/${LOCAL_KARGS_DIRECTORY}/${name}`;
    all.push(parseKargsFile(await readFile(join(directory, name), 'utf8'), path, architecture));
  }
  return all.flat();
}

/** What they said when a deployment was staged; nothing for one that was installed, or is older than this. */
export async function recordedLocalArguments(system: HostSystem, id: string): Promise<KernelCommandLine> {
  try {
    return parseKernelCommandLine(await readFile(system.layout.deployment(id).localKargs, 'utf8'));
  } catch (thrown) {
    if (errnoOf(thrown) === 'ENOENT') return [];
    throw thrown;
  }
}

/** The record's text; undefined where there is nothing to record. */
export function localArgumentsText(line: KernelCommandLine): string | undefined {
  return line.length === 0 ? undefined : `${formatKernelCommandLine(line)}\n`;
}
