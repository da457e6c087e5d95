/** A host as bootc's composefs backend leaves it, in a directory: its store, its origin files, its kernels, its entries. */
import { mkdir, readdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { bootcEntry, bootDigest, kernelDirectory, writeKernel } from '@slipway/boot';
import {
  configStreamName,
  createBootImage,
  findKernel,
  importImage,
  initRepository,
  layerStreamName,
  manifestStreamName,
  openRepository,
  type Repository,
  readFile,
  writeDocumentStream,
} from '@slipway/composefs';
import { isSlipwayError, silentLog } from '@slipway/core';
import { layoutSource, parseReference, type ResolvedImage } from '@slipway/oci';
import { recordBoot } from '../booted.ts';
import { kernelPair } from '../deployment-plan.ts';
import { deploymentTree } from '../deployment-tree.ts';
import { buildEtc } from '../etc-merge/apply.ts';
import { etcOfImage } from '../etc-merge/from-image.ts';
import { planEtcMerge } from '../etc-merge/plan.ts';
import { hostLayout, VAR_LINK_TARGET } from '../layout.ts';
import { V1, V2 } from './scenario.ts';
import { boot, partsOf, systemOf, type TestHost } from './test-host.ts';
import { type ImageFiles, type TestImage, writeTestImage } from './test-image.ts';

/** What an image has that can go over to Slipway and back to bootc. */
export const BOTH: ImageFiles = {
  'usr/lib/os-release': 'ID=test-os\nVERSION_ID=7.1\nPRETTY_NAME="Test Linux 7"\n',
  'usr/lib/systemd': { directory: 0o755 },
  'usr/lib/systemd/system': { directory: 0o755 },
  'usr/lib/systemd/system/slipway-finalize.service': '[Service]\n',
  'usr/lib/systemd/system/slipway-booted.service': '[Service]\n',
  'usr/lib/systemd/system/bootc-finalize-staged.service': '[Service]\n',
  'usr/lib/systemd/system-generators': { directory: 0o755 },
  'usr/lib/systemd/system-generators/slipway-boot-generator': '#!/bin/sh\n',
  'usr/lib/systemd/system/multi-user.target.wants': { directory: 0o755 },
  'usr/lib/systemd/system/multi-user.target.wants/slipway-finalize.service': { link: '../x' },
  'etc/systemd': { directory: 0o755 },
  'etc/systemd/system': { directory: 0o755 },
  'etc/systemd/system/multi-user.target.wants': { directory: 0o755 },
  'etc/systemd/system/multi-user.target.wants/slipway-booted.service': { link: '/usr/x' },
};

export const OLD: TestImage = { ...V1, files: { ...V1.files, ...BOTH } };
export const NEW: TestImage = { ...V2, files: { ...V2.files, ...BOTH } };

/** An image whose format only bootc knows. */
const OTHER_FORMAT = Buffer.from('an image in a format of its own '.repeat(20));

/** Writes the two deployments of a host that bootc has updated once; the second image is the one that boots. */
export async function installBootcHost(
  directory: string,
  images: readonly [old: TestImage, fresh: TestImage] = [OLD, NEW],
): Promise<readonly [old: string, fresh: string]> {
  const { sysroot, esp } = partsOf(directory);
  const layout = hostLayout(sysroot);
  await mkdir(layout.deployments, { recursive: true });
  await mkdir(layout.varDirectory, { recursive: true });
  await mkdir(join(esp, 'loader/entries'), { recursive: true });
  await writeFile(join(esp, 'loader/loader.conf'), 'timeout 5\n');
  const repository = await initRepository(layout.composefs, { algorithm: 'sha512' });
  const old = await installDeployment(directory, repository, images[0], 'secondary');
  const fresh = await installDeployment(directory, repository, images[1], 'primary');
  const meta = {
    version: 1,
    algorithm: 'fsverity-sha512-12',
    features: {},
    erofs_formats: { default: 1, extra: [2] },
  };
  await writeFile(join(layout.composefs, 'meta.json'), JSON.stringify(meta));
  return [old, fresh];
}

async function installDeployment(
  directory: string,
  repository: Repository,
  image: TestImage,
  place: 'primary' | 'secondary',
): Promise<string> {
  const { sysroot, esp, images } = partsOf(directory);
  const layout = hostLayout(sysroot);
  await writeTestImage(images, image);
  const reference = parseReference(`oci:${images}:${image.tag}`);
  if (reference.kind !== 'oci') throw new Error('a test image is in a layout');
  await using source = layoutSource(reference);
  const resolved = await source.resolve('amd64');
  const imported = await importImage(repository, source, resolved, { cacheDir: layout.downloads });
  const { id } = await createBootImage(repository, imported);
  await writeStreams(repository, resolved, id);
  const pair = kernelPair(findKernel(imported.tree), (node) => readFile(repository, node));
  const digest = await bootDigest(pair);
  const own = kernelDirectory(id, 'bootc');
  await writeKernel(esp, { directory: own, shared: false, bootDigest: digest, neededBytes: 0 }, pair);
  const { fileName, entry } = bootcEntry({
    place,
    osId: 'test-os',
    title: 'Test Linux 7',
    version: '7.1',
    kernelDirectory: own,
    options: `root=UUID=1 rw quiet composefs=${id}`,
  });
  const lines = entry.fields.map(({ key, value }) => `${key} ${value}\n`);
  await writeFile(join(esp, 'loader/entries', fileName), lines.join(''));
  await writeState(directory, repository, id, [
    '[origin]',
    `container-image-reference = ostree-unverified-image:oci:${images}:${image.tag}`,
    '[boot]',
    'boot_type = bls',
    `digest = ${digest}`,
    '[image]',
    `manifest_digest = ${resolved.manifestDigest}`,
    '',
  ]);
  return id;
}

async function writeState(
  directory: string,
  repository: Repository,
  id: string,
  origin: readonly string[],
): Promise<void> {
  const { layout } = systemOf(directory, id);
  const paths = layout.deployment(id);
  await mkdir(paths.directory, { recursive: true });
  await symlink(VAR_LINK_TARGET, paths.varLink);
  await writeFile(paths.origin, origin.join('\n'));
  const theirs = deploymentTree(repository, id);
  const etc = etcOfImage(theirs);
  const objectPath = (of: Uint8Array): string => repository.objectPath(Buffer.from(of).toString('hex'));
  await buildEtc(planEtcMerge(etc, etc, etc), { ours: '/nowhere', theirs, objectPath }, paths.etc, silentLog);
}

/** In place of our records those of composefs-rs. */
async function writeStreams(repository: Repository, image: ResolvedImage, id: string): Promise<void> {
  const other = (await repository.putObject(OTHER_FORMAT)).digest;
  repository.images.set(other, other);
  const named = new Map([
    ['composefs.image', other],
    ['composefs.image.boot.v1', id],
  ]);
  for (const diffId of image.config.diffIds) {
    const record = repository.readStream(layerStreamName(diffId));
    // Brought by the other image, and replaced.
    const own = repository.streams.get(layerStreamName(diffId));
    const digest = record === undefined ? own : await layerStream(repository, [...record.objects]);
    if (digest === undefined) throw new Error('the layer was just imported');
    named.set(diffId, digest);
  }
  const config = await documentStream(repository, 'ociconfg', image.configBytes, named);
  const ofManifest = new Map([...named, [`config:${image.manifest.config.digest}`, config]]);
  const manifest = await documentStream(repository, 'ocimanif', image.manifestBytes, ofManifest);
  for (const name of repository.listStreams()) {
    if (repository.readStream(name) !== undefined) repository.removeStream(name);
  }
  for (const diffId of image.config.diffIds)
    repository.streams.set(layerStreamName(diffId), named.get(diffId) ?? '');
  repository.streams.set(configStreamName(image.manifest.config.digest), config);
  repository.streams.set(manifestStreamName(image.manifestDigest), manifest);
  const tag = `oci/localhost%2Fbootc-${image.manifestDigest}`;
  repository.streamRefs.set(tag, manifestStreamName(image.manifestDigest));
}

async function documentStream(
  repository: Repository,
  contentType: 'ociconfg' | 'ocimanif',
  bytes: Uint8Array,
  named: ReadonlyMap<string, string>,
): Promise<string> {
  const { digest: object } = await repository.putObject(bytes);
  const stream = writeDocumentStream({ contentType, object, sizeBytes: bytes.length, named });
  return (await repository.putObject(stream)).digest;
}

/** One that refers to many objects: those of a document stream with another list at its end. */
async function layerStream(repository: Repository, objects: readonly Uint8Array[]): Promise<string> {
  const object = Buffer.concat(objects).toString('hex').slice(0, 128).padEnd(128, '0');
  const stream = writeDocumentStream({ contentType: 'ociconfg', object, sizeBytes: 1, named: new Map() });
  const whole = Buffer.concat([stream, ...objects]);
  whole.writeBigUInt64LE(BigInt(stream.length), 32 + 16);
  whole.writeBigUInt64LE(BigInt(whole.length), 32 + 24);
  whole.write('ocilayer', 32 + 64, 'latin1');
  return (await repository.putObject(whole)).digest;
}

/** A release that follows. */
export const NEXT: TestImage = { ...NEW, version: '3', files: { ...NEW.files, 'etc/default': 'v3' } };

/** The same host, booted for the first time since. */
export async function bootedBootcHost(directory: string): Promise<TestHost> {
  await installBootcHost(directory);
  const host = await boot(directory);
  await recordBoot(host);
  return host;
}

/** Why a host does not change hands; `done` where it does. */
export async function refusalOf(work: () => Promise<unknown>): Promise<string> {
  try {
    await work();
    return 'done';
  } catch (thrown) {
    return isSlipwayError(thrown, 'ADOPTION_REFUSED') ? thrown.message : String(thrown);
  }
}

/** Who wrote the kernels of the boot partition, by the names of their directories. */
export async function kernelOwners({ esp }: TestHost): Promise<readonly string[]> {
  return (await readdir(join(esp, 'EFI/Linux'))).map((name) => name.replace(/-.*/, '')).toSorted();
}

/** What bootc says of a deployment in the object store. */
export async function bootcStreams(host: TestHost): Promise<readonly string[]> {
  const repository = await openRepository(host.layout.composefs);
  return repository.listStreams().flatMap((name) => {
    const stream = repository.readSplitstream(name);
    return stream === undefined ? [] : [`${name.replace(/-sha256.*/, '')} ${stream.contentType}`];
  });
}
