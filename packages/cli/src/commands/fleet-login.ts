import { readFile } from 'node:fs/promises';
import { SlipwayError } from '@slipway/core';
import type { FleetClient, NewSession } from '@slipway/fleet-api';
import type { CommandContext } from '../command/spec.ts';
import { saveContext } from '../fleet/context-file.ts';
import { deviceLogin } from '../fleet/device-login.ts';
import { clientOf } from '../fleet/fleet-client.ts';
import { asErrors } from '../fleet/server-refusal.ts';
import { firstLine, typedLine } from '../output/prompt.ts';

interface FleetLoginInput {
  readonly url: string;
  readonly user: string;
  readonly organisation: string;
  readonly ca: string | undefined;
  readonly oidc: boolean;
}

/** `slipway fleet login URL`. */
export async function fleetLogin(input: FleetLoginInput, context: CommandContext): Promise<number> {
  const { ca } = input;
  const url = originOf(input.url);
  const authority = ca === undefined ? {} : { authority: await readFile(ca, 'utf8') };
  const client = clientOf({ url, secret: '', ...authority });
  const session = input.oidc ? await deviceLogin(client, context) : await passwordLogin(client, input);
  await saveContext({ url, secret: session.secret, ...authority });
  context.print(`${session.user} is logged in at ${url} until ${session.expiresAt ?? 'further notice'}\n`);
  return 0;
}

async function passwordLogin(
  client: FleetClient,
  { user, organisation }: FleetLoginInput,
): Promise<NewSession> {
  const password = process.stdin.isTTY ? await typedLine(`Password of ${user}: `) : await firstLine();
  return await asErrors(
    async () => await client.call('sessions.create', { body: { user, password, organisation } }),
  );
}

function originOf(typed: string): string {
  if (URL.canParse(typed) && new URL(typed).protocol === 'https:') return new URL(typed).origin;
  throw new SlipwayError('USAGE', `cannot log in at '${typed}'`, { hint: 'give it as https://HOST:PORT' });
}
