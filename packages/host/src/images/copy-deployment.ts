/** Giving away the image of a deployment, from what is on this host (`bootc image copy-to-storage`). */
import { openRepository, type Repository } from '@slipway/composefs';
import { makeLargeTempDir, type OperationOptions, operation, startTask } from '@slipway/core';
import {
  copyImage,
  formatReference,
  layoutSource,
  MEDIA_TYPES,
  openLayoutWriter,
  openTarget,
  parseReference,
  type Reference,
  type WrittenLayer,
  writeLayer,
  writeTar,
} from '@slipway/oci';
import { chooseDeployment } from '../choose-deployment.ts';
import { type Deployment, type HostState, readHostState } from '../deployment.ts';
import { deploymentTree } from '../deployment-tree.ts';
import { asJsonRecord, type JsonRecord } from '../json-record.ts';
import type { HostSystem } from '../system.ts';
import { recordedConfig } from './recorded-documents.ts';
import { treeMembers } from './tree-archive.ts';

/** What to copy and where to. */
export interface CopyDeploymentRequest {
  /** The name of a deployment's image, or a deployment; undefined: the one that runs. */
  readonly source: string | undefined;
  readonly target: Reference;
}

/** The image that was written. */
export interface CopiedDeployment {
  readonly deployment: string;
  readonly target: string;
  readonly digest: string;
}

/**
 * Writes what a deployment is made of as an image of one layer, with the configuration its image came with. Nothing of the host is
 * changed; the object store is kept from being tidied up meanwhile.
 *
 * @throws SlipwayError NOT_A_SLIPWAY_HOST, NOT_ROOT, NO_SUCH_DEPLOYMENT, NO_SPACE, OBJECT_MISSING, OBJECT_CORRUPT, and what the target throws
 */
export async function copyDeployment(
  system: HostSystem,
  { source, target }: CopyDeploymentRequest,
  options: OperationOptions = {},
): Promise<CopiedDeployment> {
  const { signal } = operation(options);
  const deployment = chooseSource(await readHostState(system), source);
  const repository = await openRepository(system.layout.composefs);
  using _use = await repository.lock('shared', { signal });
  await using directory = await makeLargeTempDir('deployment');
  await writeLayout(directory.path, repository, deployment, system, options);
  const layout = parseReference(`oci:${directory.path}:image`);
  if (layout.kind !== 'oci') throw new Error('internal error: a layout is read as something else');
  await using from = layoutSource(layout);
  await using to = await openTarget(target);
  const image = await from.resolve(system.architecture, options);
  const tag = target.kind === 'oci' ? (target.tag ?? 'latest') : target.tag;
  const digest = await copyImage(from, image, to, { ...options, tag });
  return { deployment: deployment.id, target: formatReference(target), digest };
}

function chooseSource(state: HostState, source: string | undefined): Deployment {
  const { booted, stagedDeployment, rollback, others } = state;
  const known = [booted, stagedDeployment, rollback, ...others].flatMap((one) => one ?? []);
  const named = known.find(({ origin }) => origin !== undefined && origin.image.image === source);
  return named ?? chooseDeployment(state, source ?? 'booted').deployment;
}

async function writeLayout(
  path: string,
  repository: Repository,
  { id, origin }: Deployment,
  system: HostSystem,
  options: OperationOptions,
): Promise<void> {
  const { progress, signal, log } = operation(options);
  await using layout = await openLayoutWriter(path);
  const task = startTask(progress, 'pack the deployment', 'bytes');
  const members = writeTar(treeMembers(deploymentTree(repository, id), repository));
  async function* counted(): AsyncGenerator<Uint8Array, void, undefined> {
    for await (const chunk of members) {
      signal.throwIfAborted();
      task.advance(chunk.length);
      yield chunk;
    }
  }
  const layer = await writeLayer(layout, counted());
  task.end();
  const recorded = recordedConfig(repository, origin?.manifestDigest, log);
  const document = configDocument(recorded, layer, system.architecture);
  const config = await layout.writeBlob(once(jsonBytes(document)));
  const manifest = {
    schemaVersion: 2,
    mediaType: MEDIA_TYPES.manifest,
    config: { mediaType: MEDIA_TYPES.config, ...config },
    layers: [layer.descriptor],
  };
  await layout.putManifest(jsonBytes(manifest), MEDIA_TYPES.manifest, 'image');
}

/** What the image said of itself, with one layer; of an image nobody recorded as much as makes it one of a host. */
function configDocument(
  recorded: JsonRecord | undefined,
  { diffId }: WrittenLayer,
  architecture: string,
): JsonRecord {
  const { created } = recorded ?? {};
  const about = recorded ?? { architecture, os: 'linux', config: { Labels: { 'containers.bootc': '1' } } };
  return {
    ...about,
    config: asJsonRecord(about['config']) ?? {},
    rootfs: { type: 'layers', diff_ids: [diffId] },
    history: [
      { ...(typeof created === 'string' ? { created } : {}), created_by: 'slipway image copy-to-storage' },
    ],
  };
}

function jsonBytes(document: object): Buffer {
  return Buffer.from(JSON.stringify(document));
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  yield bytes;
}
