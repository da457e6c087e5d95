/**
 * The tools eStargz comes from: stargz-snapshotter and containerd of Debian 13, which make the layers of an image eStargz. They are
 * unpacked once under build/cache; nothing is installed. Needs root.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeTempDir, run } from '@slipway/core';
import { awaitedLine } from './awaited-line.ts';
import { type UnpackedPackages, unpackedCommand, unpackPackages } from './unpacked-packages.ts';

const PACKAGES: UnpackedPackages = {
  name: 'stargz-trixie',
  suite: 'trixie',
  packages: ['containerd', 'stargz-snapshotter'],
};

/** An image to convert, from one OCI archive to another. */
export interface StargzConversion {
  /** It has this one in `from`. */
  readonly tag: string;
  readonly from: string;
  readonly to: string;
  /** Longest piece of a file that can be fetched by itself. */
  readonly pieceBytes: number;
}

/** Converts images. The first time takes half a minute and a Debian mirror. */
export async function convertToStargz(conversions: readonly StargzConversion[]): Promise<void> {
  await unpackPackages(PACKAGES);
  await using temp = await makeTempDir('containerd');
  const address = join(temp.path, 'sock');
  await using _daemon = await startContainerd(temp.path, address);
  const ctr = async (...args: readonly string[]): Promise<void> => {
    await run(unpackedCommand(PACKAGES, 'ctr-remote', ['--address', address, 'images', ...args]), {
      describe: `ctr-remote ${args[0]}`,
    });
  };
  for (const { tag, from, to, pieceBytes } of conversions) {
    await ctr('import', '--no-unpack', '--base-name', 'localhost/os', from);
    const converted = `localhost/stargz:${tag}`;
    const pieces = ['--estargz-chunk-size', `${pieceBytes}`];
    await ctr('convert', '--estargz', ...pieces, '--oci', `localhost/os:${tag}`, converted);
    await ctr('export', to, converted);
  }
}

/** What keeps its images. It starts no containers, and needs nothing of the machine's own. */
async function startContainerd(directory: string, address: string): Promise<AsyncDisposable> {
  const config = join(directory, 'config.toml');
  const lines = [
    'version = 2',
    `root = "${join(directory, 'root')}"`,
    `state = "${join(directory, 'state')}"`,
    'disabled_plugins = ["io.containerd.grpc.v1.cri"]',
    '[grpc]',
    `address = "${address}"`,
    '',
  ];
  await writeFile(config, lines.join('\n'));
  const command = unpackedCommand(PACKAGES, 'containerd', ['--config', config]);
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', '--', ...command], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const ended = once(child, 'close');
  await awaitedLine(child, /successfully booted/, 'containerd');
  return {
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}
