import type { GitCalls, GitRepository, GitRepositorySpec } from '@slipway/fleet-api';
import type { CallContext, Handlers } from '../http/handler.ts';
import { forbidden, notFound } from '../http/problem.ts';
import { checkGrants } from '../identity/check-grants.ts';
import { resourceHandlers } from '../resources/resource-handlers.ts';
import { findResource, header, type StoredResource } from '../resources/resource-store.ts';
import { type GitOutcome, NOT_LOOKED_AT, repositoryRow } from './repository-store.ts';

/** What a repository may change unless it says otherwise. */
export const DEFAULT_ROLE = 'operator';

const repositories = resourceHandlers<'GitRepository', GitRepositorySpec, GitRepository>({
  kind: 'GitRepository',
  noun: 'git repository',
  present,
  keep: async (context, spec, name) => {
    await checkGrants(context, [{ role: spec.role ?? DEFAULT_ROLE }]);
    const { token, ...kept } = spec;
    await keepRow(context, name, token, kept);
    return kept;
  },
  removed: async ({ queries, identity }, { metadata }) => {
    await queries
      .deleteFrom('git_repositories')
      .where('organisation', '=', identity.organisation)
      .where('name', '=', metadata.name)
      .execute();
  },
});

async function present(
  { metadata, spec }: StoredResource<GitRepositorySpec>,
  { queries, identity }: CallContext,
): Promise<GitRepository> {
  const row = await repositoryRow(queries, identity.organisation, metadata.name);
  const outcome = row === undefined ? NOT_LOOKED_AT : (JSON.parse(row.outcome) as GitOutcome);
  return {
    ...header('GitRepository'),
    metadata,
    spec,
    status: { ...outcome, hasToken: row?.token != null },
  };
}

/**
 * What was said anew is looked at at once. A token that was given once stays as long as the repository is on the same server: who may
 * only change where it is must not be able to have it sent to themselves.
 */
async function keepRow(
  { queries, identity }: CallContext,
  name: string,
  token: string | undefined,
  spec: GitRepositorySpec,
): Promise<void> {
  const { organisation } = identity;
  const before = await findResource<GitRepositorySpec>(queries, organisation, 'GitRepository', name);
  const isSameServer = before !== undefined && originOf(before.spec) === originOf(spec);
  const row = { applied_commit: null, next_ms: 0 };
  const said = token === undefined ? (isSameServer ? {} : { token: null }) : { token };
  await queries
    .insertInto('git_repositories')
    .values({
      organisation,
      name,
      token: token ?? null,
      applied: '[]',
      outcome: JSON.stringify(NOT_LOOKED_AT),
      ...row,
    })
    .onConflict((conflict) => conflict.columns(['organisation', 'name']).doUpdateSet({ ...row, ...said }))
    .execute();
}

function originOf({ url }: GitRepositorySpec): string {
  return new URL(url).origin;
}

export const GIT_HANDLERS: Handlers<GitCalls> = {
  'gitRepositories.list': repositories.list,
  'gitRepositories.get': repositories.get,
  'gitRepositories.put': repositories.put,
  'gitRepositories.delete': repositories.delete,

  'gitRepositories.sync': async ({ params, context }) => {
    const { queries, identity, scope } = context;
    const { organisation } = identity;
    const { name } = params;
    const found = await findResource<GitRepositorySpec>(queries, organisation, 'GitRepository', name);
    if (found === undefined) throw notFound('git repository', name);
    if (scope.kind !== 'all') throw forbidden(`your role does not reach the git repository ${name}`);
    await queries
      .updateTable('git_repositories')
      .set({ applied_commit: null, next_ms: 0 })
      .where('organisation', '=', organisation)
      .where('name', '=', name)
      .execute();
    context.audit(`GitRepository/${name}`, { what: 'sync' });
    return { body: await present(found, context), revision: found.metadata.revision };
  },
};
