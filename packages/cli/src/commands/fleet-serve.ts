import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { serveFleet } from '@slipway/fleet';
import { notifyServiceManager } from '@slipway/linux';
import type { CommandContext } from '../command/spec.ts';
import type { HostPort } from '../command/values.ts';
import { consolePages } from '../console-files.ts';
import { type ProviderInput, providerOf } from '../fleet/provider-options.ts';

interface FleetServeInput extends ProviderInput {
  readonly root: string;
  readonly listen: HostPort;
  readonly database: string | undefined;
  readonly name: readonly string[];
  readonly publicUrl: string | undefined;
  readonly allowNetwork: readonly string[];
  readonly secrets: string | undefined;
  readonly registry: boolean;
}

/** `slipway fleet serve`: runs until it is told to stop, which is a good end. */
export async function fleetServe(input: FleetServeInput, context: CommandContext): Promise<number> {
  const { signal, log } = context.operation;
  const { root, listen, database, name, publicUrl, allowNetwork, secrets, registry } = input;
  const provider = await providerOf(input);
  await using server = await serveFleet({
    root,
    ...listen,
    names: name,
    allowedNetworks: allowNetwork,
    log,
    ...(await consolePages(context.operation)),
    ...(database === undefined ? {} : { database }),
    ...(publicUrl === undefined ? {} : { publicUrl }),
    ...(provider === undefined ? {} : { provider }),
    ...(secrets === undefined ? {} : { secretsRoot: secrets }),
    ...(registry ? { registryRoot: join(root, 'registry') } : {}),
  });
  const authority = join(root, 'authority.pem');
  // Nobody made the directory where the database is elsewhere.
  await mkdir(root, { recursive: true, mode: 0o700 });
  await writeFile(authority, server.authority, { mode: 0o644 });
  context.print(`${server.url}\n`);
  if (server.firstPassword !== undefined) context.print(`user admin, password ${server.firstPassword}\n`);
  log.info('serving', { url: server.url, authority });
  await notifyServiceManager({ READY: '1', STATUS: `serving ${server.url}` });
  await stopped(signal);
  log.info('stopping: what is under way may end');
  await notifyServiceManager({ STOPPING: '1' });
  return 0;
}

async function stopped(signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  signal.addEventListener('abort', () => resolve(), { once: true });
  if (signal.aborted) resolve();
  await promise;
}
