import { readFile } from 'node:fs/promises';
import { messageOf, SlipwayError } from '@slipway/core';

/**
 * The password of a key: first line of a file, else what cosign reads from the environment, which may be empty.
 *
 * @throws SlipwayError IO_FAILED
 */
export async function keyPassword(passwordFile: string | undefined): Promise<string | undefined> {
  if (passwordFile === undefined) return process.env['COSIGN_PASSWORD'];
  try {
    return (await readFile(passwordFile, 'utf8')).split(/\r?\n/)[0] ?? '';
  } catch (cause) {
    throw new SlipwayError(
      'IO_FAILED',
      `cannot read the password file ${passwordFile}: ${messageOf(cause)}`,
      {
        cause,
      },
    );
  }
}
