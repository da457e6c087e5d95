import { basename, join } from 'node:path';
import { type Operation, run, SlipwayError, startTask } from '@slipway/core';
import { splitArguments } from './build-arguments.ts';
import type { Builder, BuildRequest, RawImage } from './builder.ts';

/** Docker through BuildKit, which reads and writes OCI layouts itself. */
export function dockerBuilder(): Builder {
  return { name: 'docker', build: buildWithDocker };
}

async function buildWithDocker(request: BuildRequest, work: Operation): Promise<RawImage> {
  const { images, plain } = splitArguments(request.buildArgs);
  const path = join(request.workDir, 'image');
  const contexts = images.flatMap(({ name, reference }) => [
    '--build-context',
    `${contextName(name)}=oci-layout://${reference.path}:${reference.tag ?? 'latest'}`,
    '--build-arg',
    `${name}=${contextName(name)}`,
  ]);
  const task = startTask(work.progress, `build ${basename(request.file)}`, 'steps');
  try {
    await run(
      [
        'docker',
        'buildx',
        'build',
        '--progress=plain',
        '--provenance=false',
        '--file',
        request.file,
        '--platform',
        `linux/${request.architecture}`,
        '--output',
        `type=oci,dest=${path},tar=false`,
        ...contexts,
        ...plain.flatMap(({ name, value }) => ['--build-arg', `${name}=${value}`]),
        request.context,
      ],
      {
        describe: `build ${request.file}`,
        env:
          request.sourceDateEpoch === undefined ? {} : { SOURCE_DATE_EPOCH: String(request.sourceDateEpoch) },
        signal: work.signal,
        log: work.log,
        debianPackage: 'docker.io',
        onLine: (line) => {
          if (/^#\d+ DONE/.test(line)) task.advance(1);
          work.log.debug(line);
        },
      },
    );
  } catch (thrown) {
    if (!(thrown instanceof SlipwayError) || thrown.code !== 'TOOL_FAILED') throw thrown;
    throw new SlipwayError('BUILD_FAILED', thrown.message, {
      hint: 'the step that failed is named above; --verbose shows everything the builder prints',
      details: thrown.details,
      cause: thrown,
    });
  }
  task.end();
  return {
    reference: { kind: 'oci', path, tag: undefined, digest: undefined },
    bases: images.map((image) => image.reference),
  };
}

/** BuildKit takes a named context in FROM by its name, in lower case. */
function contextName(argument: string): string {
  return `slipway-${argument.toLowerCase().replaceAll('_', '-')}`;
}
