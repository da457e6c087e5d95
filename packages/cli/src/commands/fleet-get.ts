import type { ListQuery, Page } from '@slipway/fleet-api';
import type { CommandContext } from '../command/spec.ts';
import { atServer } from '../fleet/fleet-client.ts';
import { type AnyResource, verbsOf } from '../fleet/kinds.ts';
import { emit } from '../output/emit.ts';

interface FleetGetInput {
  readonly kind: string;
  readonly name: string | undefined;
  readonly selector: string | undefined;
  readonly json: boolean;
}

const PAGE = 1000;

/** `slipway fleet get KIND [NAME]`. */
export async function fleetGet(input: FleetGetInput, context: CommandContext): Promise<number> {
  const verbs = verbsOf(input.kind);
  const { name } = input;
  if (name !== undefined) {
    const found = await atServer(async (client) => await verbs.get(client, name));
    emit(context, input, found, (resource) => [lineOf(resource, verbs.words(resource))]);
    return 0;
  }
  const selector = input.selector === undefined ? {} : { selector: input.selector };
  const all = await atServer(
    async (client) => await pages(async (query) => await verbs.list(client, { ...selector, ...query })),
  );
  emit(context, input, all, (resources) => resources.map((each) => lineOf(each, verbs.words(each))));
  return 0;
}

async function pages(
  list: (query: ListQuery) => Promise<Page<AnyResource>>,
): Promise<readonly AnyResource[]> {
  const items: AnyResource[] = [];
  let cursor: string | null = null;
  do {
    const page: Page<AnyResource> = await list({ limit: PAGE, ...(cursor === null ? {} : { cursor }) });
    items.push(...page.items);
    cursor = page.nextCursor;
  } while (cursor !== null);
  return items;
}

function lineOf({ metadata }: AnyResource, words: readonly string[]): string {
  return [metadata.name, ...words].join('  ').replace(/(?: {2}-)+$/, '');
}
