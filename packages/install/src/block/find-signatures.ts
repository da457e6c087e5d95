import { basename } from 'node:path';
import { type OperationOptions, operation, run, SlipwayError } from '@slipway/core';
import * as z from 'zod';

/** Something recognised on a device or in a file: a file system, a partition table, a member of something. */
export interface Signature {
  readonly path: string;
  /** `ext4`, `gpt`, `crypto_LUKS` and others. */
  readonly type: string;
  readonly label: string | undefined;
}

const ANSWER = z.object({
  signatures: z.array(z.object({ type: z.string(), label: z.string().nullish() })).default([]),
});

/**
 * Looks for what is recognised on a device or in a file, by reading it: what udev remembers may be old or nothing.
 *
 * @throws SlipwayError TOOL_MISSING, TOOL_FAILED
 */
export async function findSignatures(
  path: string,
  options: OperationOptions = {},
): Promise<readonly Signature[]> {
  const { stdout } = await run(['wipefs', '--json', '--no-act', path], {
    describe: `look at what is on ${path}`,
    debianPackage: 'util-linux',
    signal: operation(options).signal,
  });
  const text = stdout.toString('utf8');
  // It prints nothing at all where it finds nothing.
  if (text.trim() === '') return [];
  const parsed = ANSWER.safeParse(JSON.parse(text));
  if (!parsed.success)
    throw new SlipwayError('TOOL_FAILED', `cannot understand what wipefs says of ${basename(path)}`);
  // A file system may be recognised at several places.
  const found = new Map(
    parsed.data.signatures.map(({ type, label }) => [type, { path, type, label: label ?? undefined }]),
  );
  return [...found.values()];
}
