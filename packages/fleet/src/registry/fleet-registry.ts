import type { IncomingMessage, ServerResponse } from 'node:http';
import { messageOf } from '@slipway/core';
import { type AskAccess, type EmbeddedRegistry, openRegistry } from '@slipway/registry';
import { appendAudit } from '../audit/chain.ts';
import { identityOf } from '../identity/credentials.ts';
import { type Identity, scopeOf } from '../identity/identity.ts';
import type { Services } from '../server/services.ts';
import { isOfOrganisation, PayloadFiles } from './payload-files.ts';

const MANIFEST = /\/manifests\/(?<reference>[^/?]+)(?:\?|$)/;

interface Asked {
  readonly identity: Identity;
  readonly repository: string | undefined;
}

/** Images of a fleet, served at the port of the fleet. */
export interface FleetRegistry extends AsyncDisposable {
  /** Answers what is asked of a registry; false: it was asked for something else. */
  answer(request: IncomingMessage, response: ServerResponse): boolean;
  /** What of it are updates for clients of others. */
  readonly payloads: PayloadFiles;
  /** Answers with a file; whether who asks may have it is for the caller to say. */
  readonly sendFile: EmbeddedRegistry['sendFile'];
}

/**
 * Opens the registry of a directory for who the fleet knows: a client logs in with any name and, as its password, a token of the fleet,
 * which needs `registry:pull` or `registry:push`. Repositories of an organisation begin with its name, and nobody else has any there.
 *
 * @throws SlipwayError OCI_LAYOUT_INVALID
 */
export async function openFleetRegistry(root: string, services: Services): Promise<FleetRegistry> {
  const askers = new WeakMap<IncomingMessage, Asked>();
  const registry = await openRegistry({ root, log: services.log, ask: askWith(services, askers) });
  return {
    answer: (request, response) => {
      if (!/^\/v2(?:\/|\?|$)/.test(request.url ?? '')) return false;
      response.once('finish', () => void record(request, response, askers.get(request), services));
      registry.answer(request, response);
      return true;
    },
    payloads: new PayloadFiles(registry, services.database),
    sendFile: async (file, request, response) => await registry.sendFile(file, request, response),
    [Symbol.asyncDispose]: async () => await registry[Symbol.asyncDispose](),
  };
}

function askWith(services: Services, askers: WeakMap<IncomingMessage, Asked>): AskAccess {
  return async ({ access, repository, isProbe }, login, request) => {
    if (login === undefined) return 'unknown';
    const nowMs = services.clock.nowMs();
    const secret = login.password;
    const look = (): Promise<Identity | undefined> => identityOf(services.database.reads, secret, nowMs);
    const identity = await services.identities.find(secret, look, nowMs);
    if (identity === undefined) return 'unknown';
    askers.set(request, { identity, repository });
    const scope = scopeOf(identity, access === 'push' ? 'registry:push' : 'registry:pull');
    if (scope.kind === 'none') return 'denied';
    if (isProbe || identity.systemAdmin) return 'granted';
    // A list of all repositories shows those of other organisations.
    if (repository === undefined || !isOfOrganisation(repository, identity.organisation)) return 'denied';
    // Images belong to no fleet: who is there for some fleets takes them, and brings none.
    return access === 'pull' || scope.kind === 'all' ? 'granted' : 'denied';
  };
}

/**
 * Writes down who changed which image. It is done after the answer: a power cut between the two leaves an image without its record, never
 * a record without its image.
 */
async function record(
  { method = '', url = '', socket }: IncomingMessage,
  { statusCode }: ServerResponse,
  asked: Asked | undefined,
  services: Services,
): Promise<void> {
  const reference = MANIFEST.exec(url)?.groups?.['reference'];
  const isChange = (method === 'PUT' || method === 'DELETE') && statusCode < 300;
  if (!isChange || asked?.repository === undefined || reference === undefined) return;
  const { identity, repository } = asked;
  const separator = reference.includes(':') ? '@' : ':';
  try {
    await services.database.transact(
      async (transaction) =>
        await appendAudit(transaction, {
          organisation: identity.organisation,
          atMs: services.clock.nowMs(),
          actor: identity.actor,
          address: socket.remoteAddress ?? null,
          action: method === 'PUT' ? 'registry.push' : 'registry.delete',
          target: `Image/${repository}${separator}${reference}`,
          outcome: 'done',
          detail: {},
        }),
    );
  } catch (error) {
    services.log.error('cannot write down a change of an image', { repository, reason: messageOf(error) });
  }
}
