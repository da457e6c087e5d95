import { stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { errnoOf, makeTempDir, type OperationOptions, operation, SlipwayError } from '@slipway/core';
import type { LayoutReference } from '@slipway/oci';
import type { BuilderName, BuildRequest, Isolation } from './builder.ts';
import { chooseBuilder } from './choose-builder.ts';
import { type RepackedImage, repackImage } from './repack.ts';

/** What {@link buildContainerfile} builds. */
export interface ContainerfileOptions extends OperationOptions {
  /** Directory COPY and ADD read from. */
  readonly context: string;
  /** Default: `Containerfile` in the context, else `Dockerfile`. */
  readonly file?: string;
  readonly output: LayoutReference;
  /**
   * Values of ARGs. A value `oci:DIR:TAG` is an image: `ARG BASE` and `FROM ${BASE}` build on a layout, whatever
   * the builder.
   */
  readonly buildArgs?: Readonly<Record<string, string>>;
  /** Default: `auto`, the first installed of buildah, podman, docker. */
  readonly tool?: BuilderName | 'auto';
  readonly isolation?: Isolation;
  /** As Go writes it. Default: amd64. */
  readonly architecture?: string;
  /** Time of everything in new layers, for builds that give the same digest again. Default: the time of the build. */
  readonly sourceDateEpoch?: number;
}

/**
 * Builds an image from a Containerfile with the builder of this machine, into an OCI layout. Layers that come from a
 * base image stay the blobs they were, so hosts and registries that have the base do not get it again.
 *
 * @throws SlipwayError CONTAINERFILE_MISSING, TOOL_MISSING when there is no builder, BUILD_FAILED with the builder's
 *   last lines, OCI_NOT_FOUND for a base that is not there
 */
export async function buildContainerfile(options: ContainerfileOptions): Promise<RepackedImage> {
  const work = operation(options);
  const file = await findContainerfile(options.context, options.file);
  const builder = await chooseBuilder(options.tool ?? 'auto', work);
  await using temporary = await makeTempDir('build');
  const request: BuildRequest = {
    file,
    context: resolve(options.context),
    buildArgs: options.buildArgs ?? {},
    isolation: options.isolation ?? 'auto',
    architecture: options.architecture ?? 'amd64',
    sourceDateEpoch: options.sourceDateEpoch,
    workDir: temporary.path,
  };
  const raw = await builder.build(request, work);
  return await repackImage({ raw, output: options.output, architecture: request.architecture }, work);
}

async function findContainerfile(context: string, given: string | undefined): Promise<string> {
  const candidates =
    given === undefined ? [join(context, 'Containerfile'), join(context, 'Dockerfile')] : [given];
  if (!(await isKind(context, 'directory'))) {
    throw new SlipwayError('CONTAINERFILE_MISSING', `cannot build from ${context}: it is not a directory`, {
      hint: 'name the directory the Containerfile copies from',
    });
  }
  for (const candidate of candidates) {
    if (await isKind(candidate, 'file')) return resolve(candidate);
  }
  throw new SlipwayError(
    'CONTAINERFILE_MISSING',
    `cannot build: there is no ${candidates.join(' and no ')}`,
    {
      hint: 'name it with --file',
    },
  );
}

async function isKind(path: string, kind: 'file' | 'directory'): Promise<boolean> {
  try {
    const stats = await stat(path);
    return kind === 'file' ? stats.isFile() : stats.isDirectory();
  } catch (thrown) {
    if (errnoOf(thrown) === 'ENOENT' || errnoOf(thrown) === 'ENOTDIR') return false;
    throw thrown;
  }
}
