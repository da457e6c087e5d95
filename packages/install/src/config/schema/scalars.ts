import * as z from 'zod';
import { SIZE_PATTERN, sizeBytesOf } from '../size.ts';

/** One line of text: what goes into a line of /etc must not become two. */
const LINE_PATTERN = /^\P{Cc}*$/u;
export const line: z.ZodString = z
  .string()
  .regex(LINE_PATTERN, 'must be one line of text without control characters');
export const someLine: z.ZodString = line.min(1, 'must not be empty');

/** A name as useradd(8) takes it. */
export const accountName: z.ZodString = z
  .string()
  .regex(
    /^[a-z_][a-z0-9_-]{0,30}[a-z0-9_$-]?$/,
    'must be a name of small letters, digits, - and _, at most 32 of them, not beginning with a digit',
  );

/** A number for an account; the highest two mean "none". */
export const accountId: z.ZodNumber = z.int().min(0).max(0xffff_fffd);

/** A name or a number. */
export const owner: z.ZodType<string | number> = z.union([accountId, accountName], {
  error: 'must be the name or the number of an account',
});

/** An absolute path in its shortest form. */
export const absolutePath: z.ZodString = z
  .string()
  .max(4096)
  .regex(
    /^\/(?:(?!\.{1,2}(?:\/|$))[^/\p{Cc}]+(?:\/(?!$)|$))*$/u,
    'must be an absolute path without // or . or .. or a slash at the end',
  );

/** Permission bits as chmod(1) writes them; a leading zero is usual. */
export const octalMode: z.ZodString = z
  .string()
  .regex(/^0?[0-7]{3,4}$/, 'must be three or four octal digits, such as "0644"');

const SIZE_WORDS = 'must be a size: bytes, or text such as "10 GiB"';

/** Bytes as a number, or text such as `10 GiB`. */
export const size: z.ZodType<number> = z
  .union([z.int().min(0), z.string().regex(SIZE_PATTERN, SIZE_WORDS)], {
    error: SIZE_WORDS,
  })
  .transform((value, context) => {
    const bytes = typeof value === 'number' ? value : sizeBytesOf(value);
    if (bytes !== undefined) return bytes;
    context.issues.push({ code: 'custom', message: 'must be a size of whole bytes', input: value });
    return z.NEVER;
  });

/** The name of a systemd unit; `.service` is added to one without a type. */
export const unitName: z.ZodString = z
  .string()
  .max(255)
  .regex(/^[A-Za-z0-9:_.\\@-]+$/, 'must be the name of a unit, such as ssh or ssh.service');

/** One public key as authorized_keys(5) holds it. */
export const publicKey: z.ZodString = someLine.regex(
  /(?:^|\s)(?:ssh-|ecdsa-|sk-ssh-|sk-ecdsa-)\S+\s+[A-Za-z0-9+/]{16,}={0,3}(?:\s|$)/,
  'must be a public key, such as "ssh-ed25519 AAAA… name"',
);

/** A UUID in its usual form. */
export const uuid: z.ZodString = z
  .string()
  .regex(/^[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$/, 'must be a UUID');
