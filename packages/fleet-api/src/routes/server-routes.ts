import * as z from 'zod';
import {
  type AuditRecord,
  type AuditVerdict,
  auditRecordSchema,
  auditVerdictSchema,
} from '../resources/audit.ts';
import { type FleetEvent, fleetEventSchema } from '../resources/event.ts';
import { type Operation, operationSchema } from '../resources/operation.ts';
import { type Lock, lockSchema, type Overview, overviewSchema } from '../resources/overview.ts';
import { type ListQuery, listQuerySchema, type Page, pageSchema } from '../resources/page.ts';
import { nameSchema } from '../resources/scalars.ts';
import { may, type RouteTable } from './route.ts';

/** Events by kind, name and fleet. */
export interface EventQuery {
  readonly kind?: string;
  readonly name?: string;
  readonly fleet?: string;
  /** Sequence to go on after; `Last-Event-ID` says the same. Without either: from now on. */
  readonly after?: number;
}

/** What is about the whole: overview, events, audit, locks, operations, metrics. */
export interface ServerCalls {
  readonly 'overview.get': { readonly response: Overview };
  readonly 'events.watch': { readonly query: EventQuery; readonly response: FleetEvent };
  readonly 'audit.list': { readonly query: ListQuery; readonly response: Page<AuditRecord> };
  readonly 'audit.verify': { readonly response: AuditVerdict };
  readonly 'operations.list': { readonly query: ListQuery; readonly response: Page<Operation> };
  readonly 'operations.get': { readonly params: { readonly id: string }; readonly response: Operation };
  readonly 'locks.list': { readonly query: ListQuery; readonly response: Page<Lock> };
  readonly 'locks.release': {
    readonly params: { readonly group: string; readonly holder: string };
    readonly response: null;
  };
  readonly 'metrics.get': { readonly response: string };
}

export const SERVER_ROUTES: RouteTable<ServerCalls> = {
  'overview.get': {
    method: 'GET',
    path: '/api/v1/overview',
    tag: 'Server',
    summary: 'read what the first page shows',
    access: may('devices:read'),
    status: 200,
    response: overviewSchema,
    refusals: [],
  },
  'events.watch': {
    method: 'GET',
    path: '/api/v1/events',
    tag: 'Server',
    summary: 'follow what changes, as server-sent events',
    access: may('events:read'),
    status: 200,
    query: z.strictObject({
      kind: z.string().max(64).exactOptional(),
      name: z.string().max(128).exactOptional(),
      fleet: nameSchema.exactOptional(),
      after: z.coerce.number().int().min(0).exactOptional(),
    }),
    response: fleetEventSchema,
    refusals: [],
    headers: ['last-event-id'],
    mediaType: 'text/event-stream',
  },
  'audit.list': {
    method: 'GET',
    path: '/api/v1/audit',
    tag: 'Audit',
    summary: 'list the audit log, newest first',
    access: may('audit:read'),
    status: 200,
    query: listQuerySchema,
    response: pageSchema(auditRecordSchema),
    refusals: [],
  },
  'audit.verify': {
    method: 'GET',
    path: '/api/v1/audit/verdict',
    tag: 'Audit',
    summary: 'check the chain of the audit log',
    access: may('audit:read'),
    status: 200,
    response: auditVerdictSchema,
    refusals: [],
  },
  'operations.list': {
    method: 'GET',
    path: '/api/v1/operations',
    tag: 'Server',
    summary: 'list operations, newest first',
    access: may('operations:read'),
    status: 200,
    query: listQuerySchema,
    response: pageSchema(operationSchema),
    refusals: [],
  },
  'operations.get': {
    method: 'GET',
    path: '/api/v1/operations/{id}',
    tag: 'Server',
    summary: 'read how an operation stands',
    access: may('operations:read'),
    status: 200,
    response: operationSchema,
    refusals: [404],
  },
  'locks.list': {
    method: 'GET',
    path: '/api/v1/locks',
    tag: 'Locks',
    summary: 'list reboot locks',
    access: may('locks:read'),
    status: 200,
    query: listQuerySchema,
    response: pageSchema(lockSchema),
    refusals: [],
  },
  'locks.release': {
    method: 'DELETE',
    path: '/api/v1/locks/{group}/{holder}',
    tag: 'Locks',
    summary: 'take a lock from who holds it',
    access: may('locks:write'),
    status: 204,
    response: z.null(),
    refusals: [404],
  },
  'metrics.get': {
    method: 'GET',
    path: '/metrics',
    tag: 'Server',
    summary: 'read metrics, as Prometheus scrapes them',
    access: may('metrics:read'),
    status: 200,
    response: z.string(),
    refusals: [],
    mediaType: 'text/plain',
  },
};
