import type * as z from 'zod';
import type { Permission } from '../resources/permission.ts';

/** Who may use a route. */
export type RouteAccess =
  /** Everybody: login, enrolment and health, nothing else. */
  | { readonly kind: 'public' }
  /** A device, by its client certificate, about itself. */
  | { readonly kind: 'device' }
  /** Everybody with an identity, about themselves. */
  | { readonly kind: 'identity' }
  | { readonly kind: 'permission'; readonly permission: Permission };

export type RouteMethod = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** What goes in and out of one call, as types. `params` are the words in braces of the path. */
export interface CallShape {
  readonly params?: object;
  readonly query?: object;
  readonly body?: unknown;
  readonly response: unknown;
}

/** Status codes a route may refuse with, beyond those of every route. */
export type RefusalStatus = 304 | 404 | 409 | 412 | 422 | 428;

/** One route as data: routes of the server, OpenAPI and the typed client all come from it. */
export type RouteSpec<Call extends CallShape> = {
  readonly method: RouteMethod;
  /** From the root, `/api/v1/fleets/{name}`. */
  readonly path: string;
  readonly tag: string;
  readonly summary: string;
  readonly access: RouteAccess;
  readonly status: 200 | 201 | 202 | 204 | 302;
  readonly response: z.ZodType<Call['response']>;
  readonly refusals: readonly RefusalStatus[];
  /** `if-match`: a change says which revision it changes. `idempotency`: a repeated key answers as the first time. */
  readonly headers?: readonly (
    | 'if-match'
    | 'if-none-match'
    | 'idempotency-key'
    | 'last-event-id'
    | 'prefer'
  )[];
  /** What is answered when it is not JSON. */
  readonly mediaType?: 'text/event-stream' | 'text/plain';
} & (Call extends { readonly query: infer Query }
  ? { readonly query: z.ZodType<Query> }
  : { readonly query?: never }) &
  (Call extends { readonly body: infer Body }
    ? { readonly body: z.ZodType<Body> }
    : { readonly body?: never });

/** The routes of a set of calls. */
export type RouteTable<Calls> = {
  readonly [Id in keyof Calls]: Calls[Id] extends CallShape ? RouteSpec<Calls[Id]> : never;
};

/** A route whatever its call. */
export interface AnyRoute {
  readonly method: RouteMethod;
  readonly path: string;
  readonly tag: string;
  readonly summary: string;
  readonly access: RouteAccess;
  readonly status: 200 | 201 | 202 | 204 | 302;
  readonly response: z.ZodType;
  readonly refusals: readonly RefusalStatus[];
  readonly headers?: readonly string[];
  readonly mediaType?: string;
  readonly query?: z.ZodType;
  readonly body?: z.ZodType;
}

export interface NameParams {
  readonly name: string;
}

export function may(permission: Permission): RouteAccess {
  return { kind: 'permission', permission };
}
