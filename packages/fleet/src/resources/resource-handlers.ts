import type {
  CallShape,
  DeleteCall,
  GetCall,
  ListCall,
  ListQuery,
  Metadata,
  Page,
  PutCall,
  ResourceInput,
} from '@slipway/fleet-api';
import { afterOf, limitOf, pageOf } from '../http/cursor.ts';
import { checkPrecondition } from '../http/etag.ts';
import type { CallContext, CallInput, Handler } from '../http/handler.ts';
import { forbidden, invalid, notFound } from '../http/problem.ts';
import {
  allResources,
  findResource,
  matching,
  removeResource,
  type StoredResource,
  saveResource,
} from './resource-store.ts';

/** What is particular to one kind of resource. */
export interface ResourceKind<Kind extends string, Spec, Item> {
  readonly kind: Kind;
  /** How messages name it. */
  readonly noun: string;
  /** As it is answered, with its status. */
  readonly present: (stored: StoredResource<Spec>, context: CallContext) => Promise<Item> | Item;
  /** The same of many, where what their statuses are made of is asked for all at once. */
  readonly presentAll?: (
    stored: readonly StoredResource<Spec>[],
    context: CallContext,
  ) => Promise<readonly Item[]>;
  /** Whether it is shown to, and changed by, who asks. Default: reads yes, changes only without a limit of scope. */
  readonly reaches?: (context: CallContext, name: string) => boolean;
  /** Refuses what makes no sense, and does what follows from the change, in its transaction. */
  readonly saved?: (
    context: CallContext,
    after: StoredResource<Spec>,
    before: StoredResource<Spec> | undefined,
  ) => Promise<void>;
  readonly removed?: (context: CallContext, before: StoredResource<Spec>) => Promise<void>;
  /** What of the input is kept; without it all. */
  readonly keep?: (context: CallContext, spec: Spec, name: string) => Promise<Spec>;
  /** Other resources of the kind that are always there. */
  readonly builtIn?: () => readonly StoredResource<Spec>[];
}

/** The four verbs every kind has. */
export interface ResourceHandlers<Kind extends string, Spec, Item> {
  readonly list: Handler<ListCall<Item>>;
  readonly get: Handler<GetCall<Item>>;
  readonly put: Handler<PutCall<ResourceInput<Kind, Spec>, Item>>;
  readonly delete: Handler<DeleteCall>;
}

export function resourceHandlers<Kind extends string, Spec, Item extends { readonly metadata: Metadata }>(
  kind: ResourceKind<Kind, Spec, Item>,
): ResourceHandlers<Kind, Spec, Item> {
  return {
    list: async ({ query, context }) => {
      const stored = await allResources<Spec>(context.queries, context.identity.organisation, kind.kind);
      const visible = [...(kind.builtIn?.() ?? []), ...stored].filter(({ metadata }) =>
        reaches(kind, context, metadata.name),
      );
      const found = matching(visible, query);
      return { body: await page(kind, found, query, context) };
    },
    get: async ({ params, context }) => {
      const item = await kind.present(await find(kind, context, params.name), context);
      return { body: item, revision: item.metadata.revision };
    },
    put: (input) => put(kind, input),
    delete: async ({ params, headers, context }) => {
      const before = await find(kind, context, params.name);
      if (kind.builtIn?.().some(({ metadata }) => metadata.name === params.name) === true)
        throw fixed(kind, params.name);
      allowChange(kind, context, params.name);
      checkPrecondition(headers, before.metadata.revision, `the ${kind.noun} ${params.name}`);
      await kind.removed?.(context, before);
      await removeResource(context.queries, context.identity.organisation, kind.kind, params.name);
      tell(kind, context, params.name, 'deleted');
      return { body: null };
    },
  };
}

async function put<Kind extends string, Spec, Item extends { readonly metadata: Metadata }>(
  kind: ResourceKind<Kind, Spec, Item>,
  { params, body, headers, context }: CallInput<PutCall<ResourceInput<Kind, Spec>, Item> & CallShape>,
): Promise<{ readonly body: Item; readonly revision: number }> {
  const input = body;
  const { name } = params;
  if (input.metadata.name !== name) {
    throw invalid(`cannot put ${kind.noun} ${input.metadata.name} under the name ${name}`);
  }
  if (kind.builtIn?.().some(({ metadata }) => metadata.name === name) === true) throw fixed(kind, name);
  allowChange(kind, context, name);
  const { organisation } = context.identity;
  const before = await findResource<Spec>(context.queries, organisation, kind.kind, name);
  checkPrecondition(headers, before?.metadata.revision, `the ${kind.noun} ${name}`);
  const spec = (await kind.keep?.(context, input.spec, name)) ?? input.spec;
  const after = await saveResource<Spec>(context.queries, organisation, { ...input, spec }, context.nowMs);
  await kind.saved?.(context, after, before);
  tell(kind, context, name, before === undefined ? 'created' : 'changed');
  return { body: await kind.present(after, context), revision: after.metadata.revision };
}

function tell(
  kind: ResourceKind<string, never, never> | { readonly kind: string; readonly noun: string },
  context: CallContext,
  name: string,
  what: 'created' | 'changed' | 'deleted',
): void {
  context.audit(`${kind.kind}/${name}`, { what });
  const fleet = kind.kind === 'Fleet' ? name : null;
  context.announce({ kind: kind.kind, name, what, message: `${kind.noun} ${name} was ${what}`, fleet });
}

async function page<Kind extends string, Spec, Item extends { readonly metadata: Metadata }>(
  kind: ResourceKind<Kind, Spec, Item>,
  found: readonly StoredResource<Spec>[],
  query: ListQuery,
  context: CallContext,
): Promise<Page<Item>> {
  const after = afterOf(query);
  const sorted = found.toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
  const rest = after === undefined ? sorted : sorted.filter(({ metadata }) => metadata.name > after);
  const shown = rest.slice(0, limitOf(query) + 1);
  const items =
    (await kind.presentAll?.(shown, context)) ??
    (await Promise.all(shown.map(async (each) => await kind.present(each, context))));
  return pageOf(
    items,
    query,
    found.length,
    (item) => item.metadata.name,
    (item) => item,
  );
}

async function find<Spec>(
  kind: Pick<ResourceKind<string, Spec, never>, 'kind' | 'noun' | 'builtIn' | 'reaches'>,
  context: CallContext,
  name: string,
): Promise<StoredResource<Spec>> {
  const stored =
    kind.builtIn?.().find(({ metadata }) => metadata.name === name) ??
    (await findResource<Spec>(context.queries, context.identity.organisation, kind.kind, name));
  if (stored === undefined || !reaches(kind, context, name)) throw notFound(kind.noun, name);
  return stored;
}

function reaches(
  kind: Pick<ResourceKind<string, never, never>, 'reaches'>,
  context: CallContext,
  name: string,
): boolean {
  return kind.reaches?.(context, name) ?? true;
}

function allowChange(
  kind: Pick<ResourceKind<string, never, never>, 'reaches' | 'noun'>,
  context: CallContext,
  name: string,
): void {
  const isAllowed = kind.reaches === undefined ? context.scope.kind === 'all' : kind.reaches(context, name);
  if (!isAllowed) throw forbidden(`your role does not reach the ${kind.noun} ${name}`);
}

function fixed(kind: { readonly noun: string }, name: string): Error {
  return forbidden(`the ${kind.noun} ${name} is part of every organisation`);
}
