import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '@slipway/core';

/** A key pair that opens a guest. */
export interface SshKey {
  readonly privateKeyPath: string;
  /** One line of an authorized_keys file. */
  readonly publicKey: string;
}

/**
 * Makes an ed25519 key pair without passphrase in a directory only this user can enter: files `ssh-key` and `ssh-key.pub`.
 *
 * @throws SlipwayError TOOL_MISSING without ssh-keygen, TOOL_FAILED
 */
export async function makeSshKey(directory: string): Promise<SshKey> {
  const privateKeyPath = join(directory, 'ssh-key');
  await run(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-C', 'slipway', '-f', privateKeyPath], {
    describe: 'make an ssh key',
    debianPackage: 'openssh-client',
  });
  return readSshKey(privateKeyPath);
}

/** A key pair made before, by its private key's path. */
export async function readSshKey(privateKeyPath: string): Promise<SshKey> {
  return { privateKeyPath, publicKey: (await readFile(`${privateKeyPath}.pub`, 'utf8')).trim() };
}
