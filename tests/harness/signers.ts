/**
 * The tools whose signatures ours must read, and that must read ours: skopeo and cosign of Debian 13. The skopeo of Debian 12 was built
 * without sigstore, and cosign is not in it.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeTempDir, type RunResult, run } from '@slipway/core';
import { type UnpackedPackages, unpackedCommand, unpackPackages } from './unpacked-packages.ts';

const PACKAGES: UnpackedPackages = {
  name: 'signers-trixie',
  suite: 'trixie',
  packages: ['skopeo', 'cosign'],
};

/** The password of every key. */
export const KEY_PASSWORD = 'secret';

/** The tools, with a home and a configuration of their own. */
export interface Signers extends AsyncDisposable {
  readonly directory: string;
  /** Files of registries.d: attachments count, simple signatures are in a directory. */
  readonly registriesDirectory: string;
  /** File with {@link KEY_PASSWORD}. */
  readonly passwordFile: string;
  /** Public key of `signer@example.org`, whose private key `--sign-by` finds. */
  readonly gpgKeyPath: string;
  /** One nobody signed with. */
  readonly otherGpgKeyPath: string;
  skopeo(...args: readonly string[]): Promise<RunResult>;
  cosign(...args: readonly string[]): Promise<RunResult>;
}

/** Gets the tools and makes OpenPGP keys. */
export async function prepareSigners(): Promise<Signers> {
  await unpackPackages(PACKAGES);
  await using resources = new AsyncDisposableStack();
  const directory = resources.use(await makeTempDir('signers')).path;
  const registriesDirectory = join(directory, 'registries.d');
  const passwordFile = join(directory, 'password');
  const gnupg = join(directory, 'gnupg');
  await mkdir(registriesDirectory);
  await mkdir(gnupg, { mode: 0o700 });
  await writeFile(passwordFile, `${KEY_PASSWORD}\n`);
  const lookaside = `file://${join(directory, 'lookaside')}`;
  await writeFile(
    join(registriesDirectory, 'test.yaml'),
    `default-docker:\n  lookaside: ${lookaside}\n  lookaside-staging: ${lookaside}\n  use-sigstore-attachments: true\n`,
  );
  const env = { HOME: directory, GNUPGHOME: gnupg, COSIGN_PASSWORD: KEY_PASSWORD };
  resources.defer(async () => {
    await run(['gpgconf', '--kill', 'all'], {
      describe: 'stop the agent of the keys',
      env,
      allowExitCodes: [1, 2],
    });
  });
  const gpgKeyPath = await makeGpgKey('signer@example.org', directory, env);
  const otherGpgKeyPath = await makeGpgKey('other@example.org', directory, env);
  const start = (program: string, args: readonly string[]): Promise<RunResult> =>
    run(unpackedCommand(PACKAGES, program, args), {
      describe: `run ${program}`,
      env,
      allowExitCodes: [1, 10, 12],
    });
  const owned = resources.move();
  return {
    directory,
    registriesDirectory,
    passwordFile,
    gpgKeyPath,
    otherGpgKeyPath,
    skopeo: (...args) => start('skopeo', ['--registries.d', registriesDirectory, ...args]),
    cosign: (...args) => start('cosign', args),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

async function makeGpgKey(
  name: string,
  directory: string,
  env: Readonly<Record<string, string>>,
): Promise<string> {
  const options = ['--batch', '--quiet', '--passphrase', '', '--pinentry-mode', 'loopback'];
  await run(['gpg', ...options, '--quick-generate-key', name, 'ed25519', 'sign', 'never'], {
    describe: 'make an OpenPGP key',
    env,
    debianPackage: 'gpg',
  });
  const path = join(directory, `${name}.asc`);
  const { stdout } = await run(['gpg', '--armor', '--export', name], {
    describe: 'export an OpenPGP key',
    env,
  });
  await writeFile(path, stdout);
  return path;
}

/** A file as base64, as a policy has it. */
export async function base64OfFile(path: string): Promise<string> {
  return (await readFile(path)).toString('base64');
}
