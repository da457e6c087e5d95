/** oras of Debian 13, the client for artefacts that are no images; Debian 12 has none. Nothing is installed. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type RunResult, run } from '@slipway/core';
import { type UnpackedPackages, unpackedCommand, unpackPackages } from './unpacked-packages.ts';

const PACKAGES: UnpackedPackages = { name: 'oras-trixie', suite: 'trixie', packages: ['oras'] };

/** The program, with a home of its own. */
export interface Oras {
  /** What it logged in with, `config.json` as Docker has it. */
  readonly dockerConfig: string;
  /**
   * Runs it and answers with its output.
   *
   * @param input of `login`, the password
   */
  run(args: readonly string[], options?: { readonly cwd?: string; readonly input?: string }): Promise<string>;
}

/**
 * Gets the program; the first time takes about ten seconds and a Debian mirror.
 *
 * @param directory that is to be its home
 */
export async function prepareOras(directory: string): Promise<Oras> {
  await unpackPackages(PACKAGES);
  const dockerConfig = join(directory, '.docker');
  await mkdir(dockerConfig, { recursive: true });
  const env = { HOME: directory, DOCKER_CONFIG: dockerConfig };
  const start = (args: readonly string[], more: { cwd?: string; input?: string }): Promise<RunResult> =>
    run(unpackedCommand(PACKAGES, 'oras', args), { describe: `oras ${args.join(' ')}`, env, ...more });
  return {
    dockerConfig,
    run: async (args, more = {}) => (await start(args, more)).stdout.toString('utf8'),
  };
}
