/** Lists of a registry, page by page (distribution-spec, "Content Discovery"; the catalog is Docker's). */

import { type OperationOptions, SlipwayError } from '@slipway/core';
import { type HttpResponse, header } from './http.ts';
import type { RepositoryClient, RepositoryRequest } from './repository-client.ts';

/** One page of a list. */
export interface ListPage {
  readonly bytes: Uint8Array;
  readonly response: HttpResponse;
}

/** Registries may answer with the whole list at once. */
const MAX_PAGE_BYTES = 32 << 20;
/** A registry that always says there is more would never let us go. */
const MAX_PAGES = 2000;

/** The pages of a list, from the one asked for to the last. */
export async function* pagesOf(
  client: RepositoryClient,
  first: RepositoryRequest,
  options: OperationOptions,
): AsyncGenerator<ListPage, void, undefined> {
  let target: string | URL | undefined = first.target;
  for (let count = 0; target !== undefined; count += 1) {
    if (count === MAX_PAGES) throw nonsense(client, first, `it has more than ${MAX_PAGES} pages`);
    const page: ListPage = await client.requestDocument(
      { ...first, target },
      MAX_PAGE_BYTES,
      () => nonsense(client, first, `a page is larger than ${MAX_PAGE_BYTES} bytes`),
      options,
    );
    yield page;
    target = nextPage(page.response);
  }
}

/**
 * The names in a list such as `{"tags": ["v1"]}`.
 *
 * @throws SlipwayError OCI_REGISTRY_FAILED for an answer that makes no sense
 */
export async function* namesOf(
  client: RepositoryClient,
  request: RepositoryRequest,
  key: string,
  isName: (text: string) => boolean,
  options: OperationOptions,
): AsyncGenerator<string, void, undefined> {
  for await (const { bytes } of pagesOf(client, request, options)) {
    const names = readNames(bytes, key);
    if (!names.every(isName)) throw nonsense(client, request, 'it is not a list of names');
    yield* names;
  }
}

/** The error for an answer that makes no sense. */
export function nonsense(
  client: RepositoryClient,
  { doing }: RepositoryRequest,
  problem: string,
): SlipwayError {
  return new SlipwayError('OCI_REGISTRY_FAILED', `cannot ${doing} ${client.name}: ${problem}`, {
    hint: 'ask who runs the registry',
  });
}

function readNames(bytes: Uint8Array, key: string): readonly string[] {
  try {
    const json = JSON.parse(Buffer.from(bytes).toString('utf8')) as Readonly<Record<string, unknown>> | null;
    const names = json?.[key];
    // Go writes an empty list as null.
    if (names === null) return [];
    if (Array.isArray(names)) return names.map(String);
  } catch {
    // Said below.
  }
  return ['\0'];
}

/** RFC 8288; registries write one link, relative or not. */
function nextPage(response: HttpResponse): URL | undefined {
  const groups = /<(?<target>[^>]*)>\s*;[^,]*\brel="?next"?/.exec(header(response, 'link') ?? '')?.groups;
  const target = groups?.['target'];
  return target !== undefined && URL.canParse(target, response.url)
    ? new URL(target, response.url)
    : undefined;
}
