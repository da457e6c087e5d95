import { type Operation, run, SlipwayError } from '@slipway/core';
import type { Builder, BuilderName } from './builder.ts';
import { buildahBuilder } from './builder-buildah.ts';
import { dockerBuilder } from './builder-docker.ts';

const BUILDERS: readonly Builder[] = [buildahBuilder('buildah'), buildahBuilder('podman'), dockerBuilder()];

/**
 * The builder asked for, or the first one installed.
 *
 * @throws SlipwayError TOOL_MISSING
 */
export async function chooseBuilder(wanted: BuilderName | 'auto', work: Operation): Promise<Builder> {
  const candidates = BUILDERS.filter((builder) => wanted === 'auto' || builder.name === wanted);
  for (const builder of candidates) {
    if (await isInstalled(builder.name, work)) return builder;
  }
  const names = candidates.map((builder) => builder.name).join(', ');
  throw new SlipwayError('TOOL_MISSING', `cannot build a Containerfile: not installed: ${names}`, {
    hint: `install it, on Debian: apt-get install ${wanted === 'auto' ? 'buildah' : wanted}`,
  });
}

async function isInstalled(name: BuilderName, work: Operation): Promise<boolean> {
  try {
    await run([name, '--version'], { describe: `look for ${name}`, signal: work.signal });
    return true;
  } catch (thrown) {
    if (thrown instanceof SlipwayError && thrown.code === 'TOOL_MISSING') return false;
    throw thrown;
  }
}
