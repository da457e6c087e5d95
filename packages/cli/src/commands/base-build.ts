import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { buildBaseImage } from '@slipway/build';
import { formatBytes } from '@slipway/core';
import { formatReference } from '@slipway/oci';
import type { CommandContext } from '../command/spec.ts';
import { emit } from '../output/emit.ts';
import { ownFiles } from '../own-files.ts';
import { layoutReference } from './references.ts';

interface BaseBuildInput {
  readonly release: 'trixie' | 'bookworm';
  readonly output: string;
  readonly binary: string | undefined;
  readonly osDir: string | undefined;
  readonly package: readonly string[];
  readonly sourceDateEpoch: number | undefined;
  readonly cache: string | undefined;
  readonly json: boolean;
}

/** `slipway base build`. */
export async function baseBuild(input: BaseBuildInput, context: CommandContext): Promise<number> {
  const own = ownFiles();
  const output = layoutReference(input.output, '--output');
  const cacheDir = input.cache === undefined ? undefined : join(input.cache, 'packages');
  if (cacheDir !== undefined) await mkdir(cacheDir, { recursive: true });
  const built = await buildBaseImage({
    ...context.operation,
    release: input.release,
    output,
    slipwayBinary: input.binary ?? own.executable,
    osDir: input.osDir ?? own.osDir,
    packages: input.package,
    ...(input.sourceDateEpoch === undefined ? {} : { sourceDateEpoch: input.sourceDateEpoch }),
    ...(cacheDir === undefined ? {} : { cacheDir }),
  });
  emit(context, input, { image: formatReference(output), ...built }, (image) => [
    `${image.image}@${image.digest}`,
    `Debian ${image.release}, kernel ${image.kernelVersion}, initramfs ${formatBytes(image.initramfsBytes)}`,
  ]);
  return 0;
}
