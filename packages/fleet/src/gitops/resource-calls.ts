import { isSlipwayError } from '@slipway/core';
import { type AnyRoute, type Metadata, ROUTES, type RouteId } from '@slipway/fleet-api';
import { changeWith } from '../http/change.ts';
import type { CallContext, CallInput, LooseHandlers, Reply } from '../http/handler.ts';
import { forbidden } from '../http/problem.ts';
import { type Identity, scopeOf } from '../identity/identity.ts';
import type { Services } from '../server/services.ts';
import type { ResourceDocument } from './parse-resources.ts';

/** A resource of the server, as the route that reads it answers. */
export interface ServerResource {
  readonly kind: string;
  readonly metadata: Metadata;
  readonly spec: object;
}

/** Routes of the kinds that git may hold. */
const CALLS = {
  Role: 'roles',
  Policy: 'policies',
  Release: 'releases',
  Fleet: 'fleets',
  Device: 'devices',
} as const satisfies Readonly<Record<ResourceDocument['kind'], string>>;

/**
 * Reads and changes resources the way a person does: by the handlers of the API, with the permissions of one identity, and with a record
 * in the audit log.
 */
export class ResourceCalls {
  readonly #services: Services;
  readonly #handlers: LooseHandlers;
  readonly #identity: Identity;
  readonly #from: string;

  /** @param from where a change comes from, as the audit log has it */
  constructor(services: Services, handlers: LooseHandlers, identity: Identity, from: string) {
    this.#services = services;
    this.#handlers = handlers;
    this.#identity = identity;
    this.#from = from;
  }

  /** The resource of that name; undefined when there is none. */
  async get(kind: ResourceDocument['kind'], name: string): Promise<ServerResource | undefined> {
    try {
      return (await this.#call(`${CALLS[kind]}.get`, name)).body as ServerResource;
    } catch (error) {
      if (isSlipwayError(error, 'FLEET_NOT_FOUND')) return undefined;
      throw error;
    }
  }

  /**
   * Makes or replaces a resource.
   *
   * @param revision what it is made from: when it is another by now, nothing is changed; undefined: there is none yet
   * @throws SlipwayError FLEET_CHANGED, FLEET_REQUEST_INVALID, FLEET_FORBIDDEN, FLEET_CONFLICT
   */
  async put(resource: ResourceDocument, revision: number | undefined): Promise<void> {
    const headers = revision === undefined ? { 'if-none-match': '*' } : { 'if-match': `"${revision}"` };
    await this.#call(`${CALLS[resource.kind]}.put`, resource.metadata.name, resource, headers);
  }

  /** @throws SlipwayError FLEET_CHANGED, FLEET_FORBIDDEN, FLEET_CONFLICT when something needs it */
  async delete(
    kind: Exclude<ResourceDocument['kind'], 'Device'>,
    name: string,
    revision: number,
  ): Promise<void> {
    await this.#call(`${CALLS[kind]}.delete`, name, undefined, { 'if-match': `"${revision}"` });
  }

  async #call(
    id: RouteId,
    name: string,
    body?: ResourceDocument,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Reply<unknown>> {
    const route = ROUTES[id] as AnyRoute;
    const context = this.#contextOf(route);
    const input = { params: { name }, query: {}, body, headers, context } as unknown as CallInput<never>;
    const handler = this.#handlers[id];
    if (route.method === 'GET') return await handler(input);
    return await changeWith({ id, route, handler, context, input });
  }

  #contextOf({ access }: AnyRoute): CallContext {
    const services = this.#services;
    const scope = access.kind === 'permission' ? scopeOf(this.#identity, access.permission) : undefined;
    if (scope === undefined || scope.kind === 'none') {
      const needed = access.kind === 'permission' ? access.permission : access.kind;
      throw forbidden(`the role of the repository lacks the permission ${needed}`);
    }
    return {
      services,
      queries: services.database.reads,
      identity: this.#identity,
      scope,
      device: undefined,
      address: this.#from,
      nowMs: services.clock.nowMs(),
      signal: () => services.ending,
      announce: () => undefined,
      audit: () => undefined,
    };
  }
}
