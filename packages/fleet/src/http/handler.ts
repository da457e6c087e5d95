import type { AuditRecord, CallShape, RouteId } from '@slipway/fleet-api';
import type { Queries } from '../database/database.ts';
import type { DeviceIdentity } from '../devices/device-identity.ts';
import type { NewEvent } from '../events/event-hub.ts';
import type { Identity, Scope } from '../identity/identity.ts';
import type { Services } from '../server/services.ts';

/** What a handler is given. Body and query are checked; who asks is known and has the permission of the route somewhere. */
export interface CallInput<Call extends CallShape> {
  readonly params: Call extends { readonly params: infer Params } ? Params : undefined;
  readonly query: Call extends { readonly query: infer Query } ? Query : undefined;
  readonly body: Call extends { readonly body: infer Body } ? Body : undefined;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly context: CallContext;
}

export interface CallContext {
  readonly services: Services;
  /** The transaction of a change, which commits when the handler returned; for reads the database. */
  readonly queries: Queries;
  /** Who asks; nobody on routes for everybody. */
  readonly identity: Identity;
  /** How far the permission of this route reaches for them: what is beyond it must be neither shown nor changed. */
  readonly scope: Scope;
  /** The device that asks, on routes for devices. */
  readonly device: DeviceIdentity | undefined;
  readonly address: string;
  readonly nowMs: number;
  /** Aborted when the client goes away, or the server ends; made when it is asked for, which is seldom. */
  readonly signal: () => AbortSignal;
  /** Tells readers of events, once the change is committed. */
  readonly announce: (event: Omit<NewEvent, 'organisation'>) => void;
  /** What the audit log says the change was about. */
  readonly audit: (target: string, detail?: AuditRecord['detail']) => void;
}

/** An answer. */
export interface Reply<Body> {
  readonly body: Body;
  readonly revision?: number;
  readonly etag?: string;
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string | string[]>>;
  /** Sent instead of the body, bit by bit. */
  readonly stream?: AsyncIterable<string>;
}

export type Handler<Call extends CallShape> = (input: CallInput<Call>) => Promise<Reply<Call['response']>>;

/** A handler for each call of a set: one that is missing does not compile. */
export type Handlers<Calls> = {
  readonly [Id in keyof Calls]: Calls[Id] extends CallShape ? Handler<Calls[Id]> : never;
};

/** Any handler of the table, to be called with an input that was checked by its route. */
export type LooseHandler = (input: CallInput<never>) => Promise<Reply<unknown>>;
export type LooseHandlers = Readonly<Record<RouteId, LooseHandler>>;
