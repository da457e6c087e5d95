import * as z from 'zod';
import { type ListQuery, listQuerySchema, type Page, pageSchema } from '../resources/page.ts';
import type { Permission } from '../resources/permission.ts';
import { may, type NameParams, type RouteSpec } from './route.ts';

/** A list call. */
export interface ListCall<Item, Query extends ListQuery = ListQuery> {
  readonly query: Query;
  readonly response: Page<Item>;
}

/** A call that reads one resource. */
export interface GetCall<Item> {
  readonly params: NameParams;
  readonly response: Item;
}

/** Makes or replaces one resource; with `dryRun` says what it would become and changes nothing. */
export interface PutCall<Input, Item> {
  readonly params: NameParams;
  readonly query: DryRunQuery;
  readonly body: Input;
  readonly response: Item;
}

export interface DeleteCall {
  readonly params: NameParams;
  readonly response: null;
}

/** A verb on one resource. */
export interface ActionCall<Body, Item> {
  readonly params: NameParams;
  readonly body: Body;
  readonly response: Item;
}

export interface DryRunQuery {
  readonly dryRun?: 'true' | 'false';
}

const dryRunQuerySchema: z.ZodType<DryRunQuery> = z.strictObject({
  dryRun: z.enum(['true', 'false']).exactOptional(),
});

interface Noun<Item> {
  /** `fleets` */
  readonly path: string;
  readonly tag: string;
  readonly one: string;
  readonly many: string;
  readonly permission: Permission;
  readonly schema: z.ZodType<Item>;
}

export function listRoute<Item>(noun: Noun<Item>): RouteSpec<ListCall<Item>> {
  return {
    method: 'GET',
    path: `/api/v1/${noun.path}`,
    tag: noun.tag,
    summary: `list ${noun.many}`,
    access: may(noun.permission),
    status: 200,
    query: listQuerySchema,
    response: pageSchema(noun.schema),
    refusals: [],
  };
}

export function getRoute<Item>(noun: Noun<Item>): RouteSpec<GetCall<Item>> {
  return {
    method: 'GET',
    path: `/api/v1/${noun.path}/{name}`,
    tag: noun.tag,
    summary: `read ${noun.one}`,
    access: may(noun.permission),
    status: 200,
    response: noun.schema,
    refusals: [304, 404],
    headers: ['if-none-match'],
  };
}

export function putRoute<Input, Item>(
  noun: Noun<Item>,
  input: z.ZodType<Input>,
): RouteSpec<PutCall<Input, Item>> {
  const route = {
    method: 'PUT',
    path: `/api/v1/${noun.path}/{name}`,
    tag: noun.tag,
    summary: `make or replace ${noun.one}`,
    access: may(noun.permission),
    status: 200,
    query: dryRunQuerySchema,
    body: input,
    response: noun.schema,
    refusals: [409, 412, 422],
    headers: ['if-match', 'if-none-match'],
  } as const;
  return route;
}

export function deleteRoute(noun: Omit<Noun<unknown>, 'schema'>): RouteSpec<DeleteCall> {
  return {
    method: 'DELETE',
    path: `/api/v1/${noun.path}/{name}`,
    tag: noun.tag,
    summary: `delete ${noun.one}`,
    access: may(noun.permission),
    status: 204,
    response: z.null(),
    refusals: [404, 409, 412],
    headers: ['if-match'],
  };
}

export function actionRoute<Body, Item>(
  noun: Noun<Item>,
  verb: string,
  summary: string,
  body: z.ZodType<Body>,
): RouteSpec<ActionCall<Body, Item>> {
  const route = {
    method: 'POST',
    path: `/api/v1/${noun.path}/{name}/actions/${verb}`,
    tag: noun.tag,
    summary,
    access: may(noun.permission),
    status: 200,
    body,
    response: noun.schema,
    refusals: [404, 409, 422],
    headers: ['idempotency-key'],
  } as const;
  return route;
}
