import { readFile } from 'node:fs/promises';
import { messageOf, SlipwayError } from '@slipway/core';
import { notifyServiceManager } from '@slipway/linux';
import { type ServeRegistryOptions, serveRegistry } from '@slipway/registry';
import type { CommandContext } from '../command/spec.ts';
import type { HostPort } from '../command/values.ts';

interface RegistryServeInput {
  readonly root: string;
  readonly listen: HostPort;
  readonly tlsCert: string | undefined;
  readonly tlsKey: string | undefined;
  readonly users: string | undefined;
  readonly anonymousPull: boolean;
  readonly readOnly: boolean;
  readonly publicUrl: string | undefined;
}

/** `slipway registry serve`: runs until it is told to stop, which is a good end. */
export async function registryServe(input: RegistryServeInput, context: CommandContext): Promise<number> {
  const { signal, log } = context.operation;
  checkTogether(input);
  warnOfOpenDoors(input, context);
  const tls = await readTls(input);
  await using registry = await serveRegistry({
    signal,
    log,
    ...optionsOf(input),
    ...(tls === undefined ? {} : { tls }),
  });
  context.print(`${registry.url}\n`);
  await notifyServiceManager({ READY: '1', STATUS: `serving ${registry.url}` });
  await stopped(signal);
  log.info('stopping: what is under way may end');
  await notifyServiceManager({ STOPPING: '1' });
  return 0;
}

function optionsOf(input: RegistryServeInput): ServeRegistryOptions {
  const { root, listen, users, anonymousPull, readOnly, publicUrl } = input;
  return {
    root,
    ...listen,
    readOnly,
    ...(users === undefined ? {} : { auth: { usersFile: users, anonymousPull } }),
    ...(publicUrl === undefined ? {} : { publicUrl: checkUrl(publicUrl) }),
  };
}

function checkTogether({ tlsCert, tlsKey, users, anonymousPull }: RegistryServeInput): void {
  if ((tlsCert === undefined) !== (tlsKey === undefined)) {
    throw new SlipwayError('USAGE', 'cannot speak TLS with half of it', {
      hint: 'give both --tls-cert and --tls-key',
    });
  }
  if (anonymousPull && users === undefined) {
    throw new SlipwayError('USAGE', 'cannot tell users from everybody without a users file', {
      hint: 'give --users, or leave --anonymous-pull out: then everybody may also push',
    });
  }
}

function checkUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isHttp = url?.protocol === 'https:' || url?.protocol === 'http:';
  if (isHttp && url.pathname === '/' && url.search === '' && url.username === '') return url.origin;
  throw new SlipwayError('USAGE', `cannot use '${text}' for --public-url`, {
    hint: 'give it as https://HOST or https://HOST:PORT',
  });
}

function warnOfOpenDoors(input: RegistryServeInput, { operation: { log } }: CommandContext): void {
  const { host } = input.listen;
  if (host === 'localhost' || host === '::1' || host.startsWith('127.')) return;
  const listen = `${host}:${input.listen.port}`;
  if (input.users === undefined && !input.readOnly) {
    log.warn('everybody who reaches this address may push and delete; --users says who may', { listen });
  }
  if (input.users !== undefined && input.tlsCert === undefined) {
    log.warn('passwords cross the network in the clear, unless a proxy before this speaks TLS', { listen });
  }
}

async function readTls({ tlsCert, tlsKey }: RegistryServeInput): Promise<ServeRegistryOptions['tls']> {
  if (tlsCert === undefined || tlsKey === undefined) return undefined;
  return { certificate: await readPem(tlsCert), key: await readPem(tlsKey) };
}

async function readPem(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (cause) {
    throw new SlipwayError('REGISTRY_TLS_INVALID', `cannot read ${path}: ${messageOf(cause)}`, { cause });
  }
}

async function stopped(signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  signal.addEventListener('abort', () => resolve(), { once: true });
  if (signal.aborted) resolve();
  await promise;
}
