/** Lists: tags, repositories, referrers (distribution-spec, "Content Discovery"; the catalog is Docker's). */

import { type Digest, MEDIA_TYPES } from '@slipway/oci';
import { RegistryFailure } from '../failure.ts';
import type { Exchange } from '../http/exchange.ts';
import { compareLexically, linkTo, type Page, pageOf } from '../http/paging.ts';
import { sortedTags } from '../store/tags.ts';
import type { EndpointContext } from './context.ts';

/** Descriptors with annotations may be long: a page ends here, well below what clients take for a manifest. */
const REFERRERS_PAGE_BYTES = 2 << 20;

/** GET of the tags of a repository. */
export async function listTags(
  { repository }: { readonly repository: string },
  exchange: Exchange,
  { store }: EndpointContext,
): Promise<void> {
  const snapshot = await store.tags();
  const isKnown =
    snapshot.repositories.has(repository) || (await store.members.list(repository, '_manifests')).length > 0;
  if (!isKnown) throw new RegistryFailure('NAME_UNKNOWN', 'there is no such repository');
  const page = pageOf(sortedTags(snapshot, repository), exchange.query, `/v2/${repository}/tags/list`);
  sendJson(exchange, { name: repository, tags: page.items }, page);
}

/** GET of the names of all repositories that have a manifest. */
export async function listRepositories(
  _route: object,
  exchange: Exchange,
  { store }: EndpointContext,
): Promise<void> {
  const names = new Set((await store.tags()).repositories.keys());
  for await (const name of store.members.repositories()) {
    if (!names.has(name) && (await store.members.list(name, '_manifests')).length > 0) names.add(name);
  }
  const page = pageOf([...names].toSorted(compareLexically), exchange.query, '/v2/_catalog');
  sendJson(exchange, { repositories: page.items }, page);
}

/**
 * GET of what has a manifest as its subject: an index, empty for a subject nobody knows. Pages end by size, their link is
 * for this server alone to understand.
 */
export async function listReferrers(
  { repository, digest: subject }: { readonly repository: string; readonly digest: Digest },
  exchange: Exchange,
  { store }: EndpointContext,
): Promise<void> {
  const filter = exchange.query.get('artifactType');
  const after = exchange.query.get('after') ?? '';
  const manifests: string[] = [];
  let sizeBytes = 0;
  let next: string | undefined;
  let last = after;
  for (const digest of await store.members.referrers(repository, subject)) {
    if (digest <= after) continue;
    const record = await store.members.manifest(repository, digest);
    if (record?.subject !== subject || (filter !== null && record.artifactType !== filter)) continue;
    const { mediaType, artifactType, annotations } = record;
    const entry = JSON.stringify({ mediaType, digest, size: record.sizeBytes, artifactType, annotations });
    sizeBytes += entry.length;
    if (sizeBytes > REFERRERS_PAGE_BYTES && manifests.length > 0) {
      const path = `/v2/${repository}/referrers/${subject}`;
      next = linkTo(path, { ...(filter === null ? {} : { artifactType: filter }), after: last });
      break;
    }
    manifests.push(entry);
    last = digest;
  }
  const index = `{"schemaVersion":2,"mediaType":"${MEDIA_TYPES.index}","manifests":[${manifests.join(',')}]}`;
  exchange.send(
    200,
    {
      'content-type': MEDIA_TYPES.index,
      'cache-control': 'no-cache',
      ...(filter === null ? {} : { 'oci-filters-applied': 'artifactType' }),
      ...(next === undefined ? {} : { link: next }),
    },
    index,
  );
}

function sendJson(exchange: Exchange, answer: object, { next }: Page): void {
  const headers = { 'content-type': 'application/json', 'cache-control': 'no-cache' };
  exchange.send(200, { ...headers, ...(next === undefined ? {} : { link: next }) }, JSON.stringify(answer));
}
