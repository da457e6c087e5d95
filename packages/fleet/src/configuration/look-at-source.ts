import { hash } from 'node:crypto';
import { isSlipwayError, messageOf, SlipwayError } from '@slipway/core';
import type { GitRepositorySpec } from '@slipway/fleet-api';
import type { ConfigSourceRow } from '../database/tables.ts';
import { GitReader } from '../gitops/git-reader.ts';
import { repositoryRow } from '../gitops/repository-store.ts';
import { getIfChanged } from '../outbound/outbound-request.ts';
import { findResource } from '../resources/resource-store.ts';
import type { Services } from '../server/services.ts';
import type { ConfigSource } from './config-source.ts';
import type { SourceLook } from './source-store.ts';

/** Of one file, wherever it is from. */
const MAX_FILE_BYTES = 2 ** 20;
const HTTP_TIMEOUT_MS = 30_000;
const HTTP_EVERY_MS = 300_000;
/** A repository tells by itself when it has another commit. */
const GIT_EVERY_MS = 3_600_000;
/** A file of this machine is looked at often. */
const SECRET_EVERY_MS = 30_000;
/** What is pinned and had is not asked for again. */
const NEVER_MS = 315_360_000_000;
const RETRY_MS = 60_000;

type Kept = SourceLook['kept'];
type Looking = Pick<Services, 'database' | 'clock' | 'outbound' | 'ending' | 'secrets'>;

/**
 * Looks at sources once: one, or several that are files of one repository. A source that cannot be had keeps what was had of it before,
 * with the reason.
 */
export async function lookAtSources(
  services: Looking,
  rows: readonly ConfigSourceRow[],
): Promise<readonly SourceLook[]> {
  const [first] = rows;
  if (first === undefined) return [];
  try {
    if (first.repository !== null) return await lookAtRepository(services, first.repository, rows);
    const source = JSON.parse(first.source) as ConfigSource;
    if (source.kind === 'http') return [await lookAtUrl(services, first, source)];
    if (source.kind === 'secret') return [await lookAtSecret(services, first, source.file)];
    return [];
  } catch (error) {
    if (!isSlipwayError(error)) throw error;
    return rows.map((row) => failed(services, row, messageOf(error)));
  }
}

function failed({ clock }: Looking, row: ConfigSourceRow, problem: string): SourceLook {
  const { content, digest, version } = row;
  return { row, kept: { content, digest, version, problem }, nextMs: clock.nowMs() + RETRY_MS };
}

function found(
  { clock }: Looking,
  row: ConfigSourceRow,
  kept: Omit<Kept, 'problem'>,
  everyMs: number,
): SourceLook {
  return { row, kept: { ...kept, problem: null }, nextMs: clock.nowMs() + everyMs };
}

async function lookAtUrl(
  services: Looking,
  row: ConfigSourceRow,
  { url, digest: pinned, caCertificate }: Extract<ConfigSource, { readonly kind: 'http' }>,
): Promise<SourceLook> {
  const everyMs = pinned === undefined ? HTTP_EVERY_MS : NEVER_MS;
  if (pinned !== undefined && row.digest === pinned) return found(services, row, row, everyMs);
  const target = await services.outbound.resolve(url, { plain: true });
  const version = row.content === null ? null : row.version;
  const request = {
    headers: { accept: '*/*', ...(version === null ? {} : { 'if-none-match': version }) },
    caCertificate,
    signal: AbortSignal.any([services.ending, AbortSignal.timeout(HTTP_TIMEOUT_MS)]),
  };
  let answer: Awaited<ReturnType<typeof getIfChanged>>;
  try {
    answer = await getIfChanged(target, MAX_FILE_BYTES, request);
  } catch (error) {
    throw new SlipwayError('FLEET_SOURCE_FAILED', `cannot get it: ${messageOf(error)}`, { cause: error });
  }
  if (answer.body === null) return found(services, row, row, everyMs);
  const algorithm = pinned?.split(':')[0] ?? 'sha256';
  const digest = `${algorithm}:${hash(algorithm, answer.body, 'hex')}`;
  if (pinned !== undefined && digest !== pinned)
    return failed(services, row, `it is ${digest}, and the fleet names another`);
  const kept = { content: answer.body.toString('base64'), digest, version: answer.etag };
  return found(services, row, kept, everyMs);
}

async function lookAtSecret(services: Looking, row: ConfigSourceRow, file: string): Promise<SourceLook> {
  const bytes = await services.secrets.read({ ...row, file });
  const digest = services.secrets.digest(bytes);
  return found(services, row, { content: null, digest, version: null }, SECRET_EVERY_MS);
}

async function lookAtRepository(
  services: Looking,
  name: string,
  rows: readonly ConfigSourceRow[],
): Promise<readonly SourceLook[]> {
  const { organisation } = rows[0] ?? { organisation: '' };
  const { reads } = services.database;
  const repository = await findResource<GitRepositorySpec>(reads, organisation, 'GitRepository', name);
  if (repository === undefined)
    return rows.map((row) => failed(services, row, `there is no git repository ${name}`));
  const followed = await repositoryRow(reads, organisation, name);
  await using reader = await GitReader.open(
    repository.spec,
    followed?.token ?? null,
    services.outbound,
    services.ending,
  );
  const head = await reader.head();
  if (rows.every(({ version, content }) => version === head && content !== null))
    return rows.map((row) => found(services, row, row, GIT_EVERY_MS));
  const files = rows.map(({ source }) => (JSON.parse(source) as { readonly file: string }).file);
  const { commit, contents } = await reader.contents(files);
  return rows.map((row, index) => {
    const bytes = contents.get(files[index] ?? '');
    if (bytes === undefined) return failed(services, row, `the commit ${commit} has no such file`);
    if (bytes.length > MAX_FILE_BYTES)
      return failed(services, row, `it has more than ${MAX_FILE_BYTES} bytes`);
    const digest = `sha256:${hash('sha256', bytes, 'hex')}`;
    return found(services, row, { content: bytes.toString('base64'), digest, version: commit }, GIT_EVERY_MS);
  });
}
