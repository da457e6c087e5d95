import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { type Operation, run, SlipwayError, startTask } from '@slipway/core';
import { formatReference, type LayoutReference, layoutSource } from '@slipway/oci';
import { splitArguments } from './build-arguments.ts';
import type { Builder, BuildRequest, RawImage } from './builder.ts';
import { layoutOfDirectory } from './directory-image.ts';

/** buildah, and podman, which is the same builder under other words. */
export function buildahBuilder(name: 'buildah' | 'podman'): Builder {
  return { name, build: (request, work) => buildWith(name, request, work) };
}

/** What had to be given up for the build to work here. */
interface Concessions {
  readonly chroot: boolean;
  /** Copying files where this kernel cannot stack one overlay on another. */
  readonly vfs: boolean;
}

async function buildWith(
  program: 'buildah' | 'podman',
  request: BuildRequest,
  work: Operation,
): Promise<RawImage> {
  const { images, plain } = splitArguments(request.buildArgs);
  let concessions: Concessions = { chroot: request.isolation === 'chroot', vfs: false };
  for (;;) {
    try {
      const bases = await pullBases(program, images, request, concessions, work);
      const tag = localTag(request);
      await buildImage(program, { request, tag, buildArgs: [...plain, ...bases], concessions }, work);
      const reference = await exportImage(program, tag, request, concessions, work);
      return { reference, bases: images.map((image) => image.reference) };
    } catch (thrown) {
      const next = concede(thrown, concessions, request);
      if (next === undefined) throw buildFailed(thrown);
      work.log.info(next.chroot === concessions.chroot ? VFS_MESSAGE : CHROOT_MESSAGE);
      concessions = next;
    }
  }
}

const CHROOT_MESSAGE =
  'this machine does not let the builder make containers: building with chroot isolation';
const VFS_MESSAGE =
  'this machine does not let the builder mount overlays: building with copies of each layer';

/** What else to give up after a failure that is the machine's, not the Containerfile's. */
function concede(thrown: unknown, now: Concessions, request: BuildRequest): Concessions | undefined {
  if (!(thrown instanceof SlipwayError) || thrown.code !== 'TOOL_FAILED') return undefined;
  const { message } = thrown;
  if (
    !now.vfs &&
    /overlay.*(not supported|not permitted|invalid argument)|driver not supported/i.test(message)
  ) {
    return { ...now, vfs: true };
  }
  // The words of buildah when the container runtime ends before the command starts.
  const runtimeFailed = /from \S+ creating container for |did not get container (create|start) message/.test(
    message,
  );
  if (!now.chroot && request.isolation === 'auto' && runtimeFailed) return { ...now, chroot: true };
  return undefined;
}

function buildFailed(thrown: unknown): unknown {
  if (!(thrown instanceof SlipwayError) || thrown.code !== 'TOOL_FAILED') return thrown;
  return new SlipwayError('BUILD_FAILED', thrown.message, {
    hint: 'the step that failed is named above; --verbose shows everything the builder prints',
    details: thrown.details,
    cause: thrown,
  });
}

/** Bases from layouts, made known to the builder by their exact identity: a name could be an older image. */
async function pullBases(
  program: string,
  images: readonly { readonly name: string; readonly reference: LayoutReference }[],
  request: BuildRequest,
  concessions: Concessions,
  work: Operation,
): Promise<readonly { readonly name: string; readonly value: string }[]> {
  const bases: { name: string; value: string }[] = [];
  for (const { name, reference } of images) {
    // A missing or damaged base is said in our words.
    await using source = layoutSource(reference);
    await source.resolve(request.architecture, work);
    const text = formatReference(reference);
    const always = program === 'buildah' ? ['--policy', 'always'] : [];
    const pulled = await run([program, 'pull', '--quiet', ...always, text], {
      describe: `load the base image ${text}`,
      env: storageEnvironment(concessions),
      signal: work.signal,
      log: work.log,
    });
    const id = pulled.stdout.toString('utf8').trim().split('\n').at(-1) ?? '';
    bases.push({ name, value: id });
  }
  return bases;
}

interface ImageBuild {
  readonly request: BuildRequest;
  readonly tag: string;
  readonly buildArgs: readonly { readonly name: string; readonly value: string }[];
  readonly concessions: Concessions;
}

async function buildImage(program: string, build: ImageBuild, work: Operation): Promise<void> {
  const task = startTask(work.progress, `build ${basename(build.request.file)}`, 'steps');
  await run([program, 'build', ...buildFlags(build), build.request.context], {
    describe: `build ${build.request.file}`,
    env: storageEnvironment(build.concessions),
    signal: work.signal,
    log: work.log,
    debianPackage: program,
    onLine: (line) => {
      if (line.startsWith('STEP ')) task.advance(1);
      work.log.debug(line);
    },
  });
  task.end();
}

/** Flags both programs know. */
function buildFlags({ request, tag, buildArgs, concessions }: ImageBuild): readonly string[] {
  const isolation = concessions.chroot ? 'chroot' : request.isolation;
  return [
    '--file',
    request.file,
    '--tag',
    tag,
    '--format',
    'oci',
    // The network as this machine has it, without a bridge that would have to be set up.
    '--network',
    'host',
    // Unchanged lines are not run again; with copied layers that would cost more than it saves.
    `--layers=${concessions.vfs ? 'false' : 'true'}`,
    ...(isolation === 'auto' ? [] : ['--isolation', isolation]),
    ...(isolation === 'chroot' ? ownLimits() : []),
    ...(request.sourceDateEpoch === undefined ? [] : ['--timestamp', String(request.sourceDateEpoch)]),
    ...buildArgs.flatMap(({ name, value }) => ['--build-arg', `${name}=${value}`]),
  ];
}

/** How many processes older builders leave themselves before a RUN starts; one of theirs can lower the limit, not raise it again. */
const BUILDER_PROCESSES = 32_768;

/**
 * The limits of this process as flags. A RUN under chroot isolation is a child of the builder; newer builders raise its limits to the
 * kernel's, which fails where a machine keeps even root below them, and older ones have lowered theirs.
 */
function ownLimits(): readonly string[] {
  const text = readFileSync('/proc/self/limits', 'utf8');
  return [
    ['nofile', 'Max open files', Number.MAX_SAFE_INTEGER] as const,
    ['nproc', 'Max processes', BUILDER_PROCESSES] as const,
  ].flatMap(([name, label, most]) => {
    const [, soft, hard] = new RegExp(`^${label} +(\\d+) +(\\d+)`, 'm').exec(text) ?? [];
    const limits = [soft, hard].map((limit) => Math.min(Number(limit), most));
    return soft === undefined ? [] : ['--ulimit', `${name}=${limits.join(':')}`];
  });
}

/**
 * Takes the image out as the builder's store has it, layers unpacked: they are packed once, by {@link repackImage}. Only the
 * transport `dir:` heeds the wish; podman has no flag for it and packs.
 */
async function exportImage(
  program: string,
  tag: string,
  request: BuildRequest,
  concessions: Concessions,
  work: Operation,
): Promise<LayoutReference> {
  const directory = join(request.workDir, 'dir');
  const unpacked = program === 'buildah' ? ['--disable-compression'] : [];
  await run([program, 'push', '--quiet', '--format', 'oci', ...unpacked, tag, `dir:${directory}`], {
    describe: 'take the image out of the builder',
    env: storageEnvironment(concessions),
    signal: work.signal,
    log: work.log,
  });
  return await layoutOfDirectory(directory, join(request.workDir, 'image'));
}

/** One name per Containerfile and context, so that a new build replaces the last one's image in the builder's store. */
function localTag(request: BuildRequest): string {
  const identity = createHash('sha256')
    .update(`${request.file}\0${request.context}`)
    .digest('hex')
    .slice(0, 16);
  return `localhost/slipway-build:${identity}`;
}

function storageEnvironment(concessions: Concessions): Readonly<Record<string, string>> {
  return concessions.vfs ? { STORAGE_DRIVER: 'vfs' } : {};
}
