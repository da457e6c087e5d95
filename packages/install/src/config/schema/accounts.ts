import * as z from 'zod';
import type { GroupConfig, SshKeyConfig, UserConfig } from '../types.ts';
import { absolutePath, accountId, accountName, line, publicKey, someLine } from './scalars.ts';

const keyText = z
  .string()
  .describe('Public keys that may log in, one a line')
  .refine(
    (text) => keysOf(text).every((key) => publicKey.safeParse(key).success),
    'must hold public keys, one a line',
  );

/** Somebody who may log in; what is not said stays as the image has it, where it has that user. */
export const userSchema: z.ZodType<UserConfig> = z.strictObject({
  name: accountName.describe('Login name'),
  description: line
    .refine((text) => !text.includes(':'), 'must not hold a colon')
    .optional()
    .describe('Full name'),
  password: someLine.optional().describe('Password: a hash of crypt(5), such as $y$… or $6$…, or plain text'),
  key: keyText.optional(),
  keys: z.array(publicKey).optional().describe('Public keys that may log in'),
  home: absolutePath.optional().describe('Home directory; /home/NAME unless given'),
  shell: absolutePath.optional().describe('Login shell'),
  groups: z.array(accountName).optional().describe('Groups the user belongs to besides its own'),
  uid: accountId.optional(),
  gid: accountId.optional().describe('Number of the own group'),
  expiredate: z.int().min(0).optional().describe('Day the account ends, counted from 1 January 1970'),
  force_password_reset: z.boolean().optional().describe('A new password must be set at the first login'),
  locked: z.boolean().optional().describe('No password lets anybody in; keys still do'),
});

export const groupSchema: z.ZodType<GroupConfig> = z.strictObject({
  name: accountName.describe('Name of the group'),
  gid: accountId.optional(),
});

/** A key for a user that is described elsewhere, or is in the image. */
export const sshKeySchema: z.ZodType<SshKeyConfig> = z.strictObject({
  user: accountName.describe('Who may log in with it'),
  key: keyText,
});

/** The keys in a text of one a line; comments and empty lines do not count. */
export function keysOf(text: string): readonly string[] {
  return text
    .split('\n')
    .map((each) => each.trim())
    .filter((each) => each !== '' && !each.startsWith('#'));
}
