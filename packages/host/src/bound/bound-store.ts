/** Where bound images are kept: podman's storage in a place of the host's own, as bootc has it. */
import { access, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type Operation, run } from '@slipway/core';
import { authFilePaths } from '@slipway/oci';
import type { HostSystem } from '../system.ts';

/** A store of container images. */
export interface BoundStore {
  has(image: string): Promise<boolean>;
  /** Brings it, whole or not at all. */
  pull(image: string): Promise<void>;
  /** Every name there. */
  list(): Promise<readonly string[]>;
  /** Takes names away, and the images that have none then. */
  remove(images: readonly string[]): Promise<void>;
}

/**
 * podman's. Quadlets reach it by `GlobalArgs=--storage-opt=additionalimagestore=/usr/lib/bootc/storage`.
 *
 * @param root its directory, made when first needed
 */
export function podmanStore(
  { runDirectory }: HostSystem,
  root: string,
  { signal, log }: Operation,
): BoundStore {
  const podman = async (describe: string, words: readonly string[], codes: readonly number[] = []) => {
    await mkdir(root, { recursive: true, mode: 0o755 });
    const places = [`--root=${root}`, `--runroot=${join(runDirectory, 'bound')}`];
    return await run(['podman', ...places, ...words], {
      describe,
      debianPackage: 'podman',
      env: await authentication(),
      allowExitCodes: codes,
      signal,
      log,
    });
  };
  return {
    has: async (image) =>
      (await podman('look for a bound image', ['image', 'exists', '--', image], [1])).exitCode === 0,
    pull: async (image) =>
      void (await podman(`bring the bound image ${image}`, ['pull', '--quiet', '--', image])),
    list: async () => {
      const words = ['images', '--no-trunc', '--format', '{{.Repository}} {{.Tag}} {{.Digest}}'];
      const { stdout } = await podman('list bound images', words);
      return namesOf(stdout.toString('utf8'));
    },
    remove: async (images) => {
      if (images.length > 0) await podman('remove bound images', ['rmi', '--ignore', '--', ...images]);
    },
  };
}

/** Names as a quadlet may write them, from `REPOSITORY TAG DIGEST` on each line. */
function namesOf(text: string): readonly string[] {
  const lines = text.split('\n').filter((line) => line !== '');
  return lines.map((line) => {
    const [repository = '', tag = '<none>', digest = ''] = line.split(' ');
    return tag === '<none>' ? `${repository}@${digest}` : `${repository}:${tag}`;
  });
}

/** The first file with credentials there is, as for the host's own image. */
async function authentication(): Promise<Readonly<Record<string, string>>> {
  for (const path of authFilePaths()) {
    const isThere = await access(path).then(
      () => true,
      () => false,
    );
    if (isThere) return { REGISTRY_AUTH_FILE: path };
  }
  return {};
}
