import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Permission } from '@slipway/fleet-api';
import type { FastifyRequest } from 'fastify';
import type { FleetRegistry } from '../registry/fleet-registry.ts';
import type { Services } from '../server/services.ts';
import type { Client } from './client.ts';
import type { HttpAnswer } from './http.ts';

/** What a protocol is asked, once it is known by whom. */
export interface CompatCall {
  readonly client: Client;
  readonly services: Services;
  /** Where this server has one. */
  readonly registry: FleetRegistry | undefined;
  /** `https://HOST/compat/TOKEN`, as clients reach it: never for a log. */
  readonly base: string;
  /** What stands in the path. */
  readonly params: Readonly<Record<string, string>>;
  readonly headers: FastifyRequest['headers'];
  /** Behind the question mark, as it was sent. */
  readonly query: string;
  readonly body: Uint8Array;
  readonly address: string;
  readonly nowMs: number;
}

/** An answer at hand, or one that is written by whoever has the bytes. */
export type CompatAnswer =
  | HttpAnswer
  | { readonly send: (request: IncomingMessage, response: ServerResponse) => Promise<void> };

/** One request of a protocol. */
export interface CompatRoute {
  /** How metrics name it. */
  readonly id: string;
  readonly method: 'GET' | 'POST';
  /** Below `/compat/{token}`. */
  readonly path: string;
  readonly permission: Permission;
  readonly maxBodyBytes: number;
  readonly answer: (call: CompatCall) => Promise<CompatAnswer>;
  /** A failure in the words of the protocol. */
  readonly refuse: (status: number, kind: RefusalKind, why: string) => HttpAnswer;
}

/** A small, fixed set: clients make metrics of it. */
export type RefusalKind = 'unauthenticated' | 'forbidden' | 'bad_request' | 'internal';
