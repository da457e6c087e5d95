import { writeFile } from 'node:fs/promises';
import { errnoOf, messageOf, SlipwayError } from '@slipway/core';
import { generateKeyPair, parsePublicKey } from '@slipway/oci';
import type { CommandContext } from '../command/spec.ts';
import { emit } from '../output/emit.ts';
import { keyPassword } from './key-password.ts';

interface GenerateKeyPairInput {
  readonly outputKeyPrefix: string;
  readonly passwordFile: string | undefined;
  readonly force: boolean;
  readonly json: boolean;
}

/** `slipway generate-key-pair`. */
export async function generateKeyPairFiles(
  input: GenerateKeyPairInput,
  context: CommandContext,
): Promise<number> {
  const password = await keyPassword(input.passwordFile);
  if (password === undefined) {
    throw new SlipwayError('USAGE', 'cannot make a key pair: no password was given', {
      hint: 'give --password-file FILE, or set COSIGN_PASSWORD, empty for a key without a password',
    });
  }
  const { privatePem, publicPem } = await generateKeyPair(password);
  const paths = { privateKey: `${input.outputKeyPrefix}.key`, publicKey: `${input.outputKeyPrefix}.pub` };
  // A cut in between leaves a private key whose public key it holds itself.
  await write(paths.privateKey, privatePem, 0o600, input.force);
  await write(paths.publicKey, publicPem, 0o644, input.force);
  const { fingerprint } = parsePublicKey(publicPem, paths.publicKey);
  emit(context, input, { ...paths, fingerprint }, (made) => [
    `${made.privateKey}  private key, encrypted`,
    `${made.publicKey}  public key, SHA-256 ${made.fingerprint}`,
  ]);
  return 0;
}

async function write(path: string, text: string, mode: number, replaces: boolean): Promise<void> {
  try {
    await writeFile(path, text, { mode, flag: replaces ? 'w' : 'wx', flush: true });
  } catch (cause) {
    const isThere = errnoOf(cause) === 'EEXIST';
    throw new SlipwayError(
      'IO_FAILED',
      `cannot write ${path}: ${isThere ? 'it is there already' : messageOf(cause)}`,
      {
        ...(isThere
          ? { hint: 'give another --output-key-prefix, or --force to lose the key that is there' }
          : {}),
        cause,
      },
    );
  }
}
