/** A Debian as it was released and with every update since, made once and kept under build/cache/bench. */
import { createReadStream, existsSync } from 'node:fs';
import { mkdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { makeTempDir, run } from '@slipway/core';
import { type ImageConfig, MEDIA_TYPES, openLayoutWriter, writeLayer } from '@slipway/oci';
import { readAptSettings } from '../packages/build/src/apt-settings.ts';
import { CACHE } from '../tests/harness/slipway.ts';

const DIRECTORY = `${CACHE}/bench`;
/** Where updates are many: an older release, with what servers have. */
const RELEASE = 'bookworm';
const PACKAGES =
  'linux-image-amd64,systemd,openssh-server,sudo,dbus,iproute2,rsync,tzdata,python3,perl,openssl,curl,git,nginx,podman,vim,gnupg,nodejs';

/** Two versions of an image of one layer; the layout has them as `v1` and `v2`, the archives stand beside it. */
export interface UpdatePair {
  readonly layout: string;
  readonly archives: { readonly v1: string; readonly v2: string };
}

/** About 940 MB each, half of them in files that changed. */
export async function updatePair(): Promise<UpdatePair> {
  const directory = join(DIRECTORY, 'updates');
  const archives = { v1: join(directory, 'v1.tar'), v2: join(directory, 'v2.tar') };
  const pair = { layout: join(directory, 'layout'), archives };
  if (existsSync(directory)) return pair;
  await mkdir(DIRECTORY, { recursive: true });
  await using work = await makeTempDir('build', DIRECTORY);
  const made = join(work.path, 'updates');
  await mkdir(made);
  for (const version of ['v1', 'v2'] as const) {
    const archive = join(made, `${version}.tar`);
    await extract(archive, version === 'v2');
    await writeImage(join(made, 'layout'), version, archive);
  }
  await rename(made, directory);
  return pair;
}

/** Packages unpacked, nothing of them run. */
async function extract(archive: string, isUpdated: boolean): Promise<void> {
  const { mirror, options } = await readAptSettings();
  if (mirror === undefined) throw new Error('the apt of this machine names no mirror');
  const { main, security } = mirror;
  const sources = [
    `deb ${main} ${RELEASE} main`,
    ...(isUpdated ? [`deb ${main} ${RELEASE}-updates main`] : []),
    ...(isUpdated && security !== undefined ? [`deb ${security} ${RELEASE}-security main`] : []),
  ];
  const settings = options.map((line) => `--aptopt=${line}`);
  const include = `--include=${PACKAGES}`;
  await run(
    ['mmdebstrap', '--quiet', '--variant=extract', ...settings, include, RELEASE, archive, ...sources],
    {
      describe: `unpack ${RELEASE}`,
    },
  );
}

async function writeImage(path: string, tag: string, archive: string): Promise<void> {
  await using layout = await openLayoutWriter(path);
  const { descriptor, diffId } = await writeLayer(layout, createReadStream(archive) as AsyncIterable<Buffer>);
  const platform: Pick<ImageConfig, 'architecture' | 'os'> = { architecture: 'amd64', os: 'linux' };
  const config = { ...platform, rootfs: { type: 'layers', diff_ids: [diffId] } };
  const blob = await layout.writeBlob(once(config));
  const manifest = {
    schemaVersion: 2,
    mediaType: MEDIA_TYPES.manifest,
    config: { mediaType: MEDIA_TYPES.config, ...blob },
    layers: [descriptor],
  };
  await layout.putManifest(Buffer.from(JSON.stringify(manifest)), MEDIA_TYPES.manifest, tag);
}

async function* once(json: unknown): AsyncGenerator<Uint8Array, void, undefined> {
  yield Buffer.from(JSON.stringify(json));
}
