/** Signatures by OpenPGP keys (containers-signature(5)): a signed message that carries the signed text. GnuPG's `gpgv` judges them. */
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeTempDir, type OperationOptions, run, SlipwayError } from '@slipway/core';
import type { LoadedMaterial } from './public-key.ts';
import { MAX_PAYLOAD_BYTES } from './simple-signing.ts';

/** What `gpgv` found of a message. */
export type GpgVerdict =
  | {
      readonly kind: 'good';
      readonly fingerprint: string;
      readonly userId: string;
      readonly signed: Uint8Array;
    }
  | { readonly kind: 'bad'; readonly problem: string };

/**
 * Verifies a signed message with a set of keys, all of them trusted. Exactly one signature must be on it, by a key that is neither
 * expired nor revoked.
 *
 * @throws SlipwayError TOOL_MISSING without gpgv, SIGNATURE_KEY_INVALID
 */
export async function verifyGpgMessage(
  message: Uint8Array,
  keys: readonly LoadedMaterial[],
  options: OperationOptions = {},
): Promise<GpgVerdict> {
  await using directory = await makeTempDir('gpg');
  const keyring = join(directory.path, 'keys.gpg');
  const signed = join(directory.path, 'signed');
  const signature = join(directory.path, 'signature');
  await writeFile(keyring, Buffer.concat(keys.map(({ bytes, source }) => dearmor(bytes, source))));
  await writeFile(signature, message);
  const { stdout } = await run(
    [
      'gpgv',
      '--homedir',
      directory.path,
      '--status-fd',
      '1',
      '--keyring',
      keyring,
      '--output',
      signed,
      signature,
    ],
    {
      describe: 'verify an OpenPGP signature',
      // 1 and 2 say that it is not good, which the status says better.
      allowExitCodes: [1, 2],
      debianPackage: 'gpgv',
      ...(options.signal === undefined ? {} : { signal: options.signal }),
      ...(options.log === undefined ? {} : { log: options.log }),
    },
  );
  const judged = judge(stdout.toString('utf8'));
  if (judged.kind === 'bad') return judged;
  const stats = await stat(signed).catch(() => undefined);
  if (stats === undefined || stats.size > MAX_PAYLOAD_BYTES)
    return { kind: 'bad', problem: 'it signs nothing, or too much' };
  return { ...judged, signed: await readFile(signed) };
}

/** Status lines that say that a signature is anything but good, and what they mean (GnuPG's doc/DETAILS). */
const PROBLEMS: ReadonlyMap<string, string> = new Map([
  ['BADSIG', 'it does not fit what it signs'],
  ['ERRSIG', 'it is by a key the policy does not name'],
  ['EXPSIG', 'it has expired'],
  ['EXPKEYSIG', 'its key has expired'],
  ['REVKEYSIG', 'its key was revoked'],
  ['NODATA', 'it is no OpenPGP message'],
]);

/** Reads the status lines of gpgv. */
export function judge(
  status: string,
):
  | { readonly kind: 'good'; readonly fingerprint: string; readonly userId: string }
  | { readonly kind: 'bad'; readonly problem: string } {
  const lines = status.split('\n').flatMap((line) => {
    const [, keyword, rest] = /^\[GNUPG:\] ([A-Z_]+) ?(.*)$/.exec(line) ?? [];
    return keyword === undefined ? [] : [{ keyword, rest: rest ?? '' }];
  });
  for (const { keyword } of lines) {
    const problem = PROBLEMS.get(keyword);
    if (problem !== undefined) return { kind: 'bad', problem };
  }
  const good = lines.filter(({ keyword }) => keyword === 'GOODSIG');
  const valid = lines.filter(({ keyword }) => keyword === 'VALIDSIG');
  const signatures = lines.filter(({ keyword }) => keyword === 'NEWSIG');
  const [fingerprint] = valid[0]?.rest.split(' ') ?? [];
  if (good.length !== 1 || valid.length !== 1 || signatures.length > 1 || fingerprint === undefined) {
    return { kind: 'bad', problem: 'it carries no signature, or more than one' };
  }
  return { kind: 'good', fingerprint, userId: good[0]?.rest.replace(/^\S+ /, '') ?? '' };
}

/** Keys as `gpg --export` gives them, with or without `--armor`, as the bytes gpgv wants (RFC 9580, 6.2). */
function dearmor(bytes: Buffer, source: string): Buffer {
  const text = bytes.toString('latin1');
  const blocks =
    text.match(/-----BEGIN PGP PUBLIC KEY BLOCK-----[\s\S]*?-----END PGP PUBLIC KEY BLOCK-----/g) ?? [];
  if (blocks.length > 0) return Buffer.concat(blocks.map(bodyOf));
  // The first packet of a transferable public key has tag 6, in the old or the new form.
  const [first = 0] = bytes;
  if ((first & 0xfc) === 0x98 || first === 0xc6) return bytes;
  throw new SlipwayError(
    'SIGNATURE_KEY_INVALID',
    `cannot use the key ${source}: it is not an OpenPGP public key`,
    {
      hint: 'write it with gpg --armor --export KEY',
    },
  );
}

/** Armour: headers, an empty line, base64, a checksum that starts with `=`. */
function bodyOf(block: string): Buffer {
  const lines = block.split(/\r?\n/).slice(1, -1);
  const empty = lines.findIndex((line) => line.trim() === '');
  const body = lines.slice(empty + 1).filter((line) => !line.startsWith('='));
  return Buffer.from(body.join(''), 'base64');
}
