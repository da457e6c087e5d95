import { SlipwayError } from '@slipway/core';
import { setUser } from '@slipway/registry';
import type { CommandContext } from '../command/spec.ts';
import { firstLine, typedLine } from '../output/prompt.ts';

interface RegistryPasswdInput {
  readonly name: string;
  readonly users: string;
  readonly pullOnly: boolean;
}

/** `slipway registry passwd NAME`. */
export async function registryPasswd(input: RegistryPasswdInput, context: CommandContext): Promise<number> {
  const { name, users, pullOnly } = input;
  const password = process.stdin.isTTY ? await typedPassword(name) : await firstLine();
  await setUser(users, { name, password, access: pullOnly ? 'pull' : 'push' });
  context.operation.log.info('password set', { user: name, access: pullOnly ? 'pull' : 'push', file: users });
  return 0;
}

/** Typed twice, and not shown. */
async function typedPassword(name: string): Promise<string> {
  const first = await typedLine(`Password of ${name}: `);
  if (first === (await typedLine('Again: '))) return first;
  throw new SlipwayError('USAGE', 'cannot set a password: what was typed twice is not the same');
}
