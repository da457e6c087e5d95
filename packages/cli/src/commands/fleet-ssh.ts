import { readFile, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { messageOf, SlipwayError } from '@slipway/core';
import type { CommandContext } from '../command/spec.ts';
import { atServer } from '../fleet/fleet-client.ts';

interface FleetSshInput {
  readonly action: string;
  readonly key: string | undefined;
  readonly hours: number;
  readonly device: readonly string[];
}

/** `slipway fleet ssh ACTION`; the parser lets only these actions through. */
export async function fleetSsh(input: FleetSshInput, context: CommandContext): Promise<number> {
  if (input.action === 'certificate') return await certify(input, context);
  if (input.action === 'revoked') return await printRevoked(context);
  const { user, host } = await atServer(async (client) => await client.call('ssh.authorities', {}));
  context.print(input.action === 'known-hosts' ? `@cert-authority * ${host}\n` : `${user}\n`);
  return 0;
}

async function printRevoked(context: CommandContext): Promise<number> {
  const { list } = await atServer(async (client) => await client.call('ssh.revocations', {}));
  await context.printBytes(Buffer.from(list, 'base64'));
  return 0;
}

async function certify({ key, hours, device }: FleetSshInput, context: CommandContext): Promise<number> {
  const path = key ?? join(homedir(), '.ssh', 'id_ed25519.pub');
  const publicKey = (await readKey(path)).trim();
  const body = { publicKey, validSeconds: hours * 3600, ...(device.length === 0 ? {} : { devices: device }) };
  const { certificate, principals, notAfter } = await atServer(
    async (client) => await client.call('ssh.certify', { body }),
  );
  const beside = `${path.replace(/\.pub$/, '')}-cert.pub`;
  // A power cut within leaves no certificate that works, and another is had by asking again.
  await writeFile(beside, `${certificate}\n`);
  context.print(`${beside}: until ${notAfter}, for ${principals.join(', ')}\n`);
  return 0;
}

async function readKey(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new SlipwayError('USAGE', `cannot read ${path}: ${messageOf(cause)}`, {
      hint: 'make a key with ssh-keygen -t ed25519, or name the public one with --key',
      cause,
    });
  }
}
