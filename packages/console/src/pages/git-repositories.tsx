import { PageSection } from '@patternfly/react-core';
import type { GitRepository } from '@slipway/fleet-api';
import type { ReactNode } from 'react';
import { useAction, useList } from '../api/queries.ts';
import { useMay } from '../api/session.tsx';
import { ConfirmAction } from '../parts/confirm-action.tsx';
import { Moment } from '../parts/moment.tsx';
import { PageTitle } from '../parts/page-title.tsx';
import { type Column, Rows } from '../parts/rows.tsx';
import { StateLabel } from '../parts/state-label.tsx';

/** They are looked at by the server, which tells nobody when nothing changed. */
const LOOK_EVERY_MS = 10_000;
const SHORT_COMMIT = 12;

const COLUMNS: readonly Column<GitRepository>[] = [
  { title: 'Name', width: 15, cell: ({ metadata }) => metadata.name },
  { title: 'Source', width: 25, cell: ({ spec }) => sourceOf(spec) },
  { title: 'State', width: 10, cell: ({ status }) => <StateLabel state={status.state} /> },
  { title: 'Commit', width: 10, cell: ({ status }) => status.commit?.slice(0, SHORT_COMMIT) ?? 'none' },
  { title: 'Looked at', width: 10, cell: ({ status }) => <Moment at={status.checkedAt} /> },
  { title: 'What is wrong', width: 20, cell: ({ status }) => wrongWith(status) },
  { title: 'Sync now', width: 10, cell: (repository) => <SyncNow repository={repository} /> },
];

/** What fleets are made from, where that is git; and whether they are as git says. */
export function GitRepositoriesPage(): ReactNode {
  const list = useList('gitRepositories.list', {}, { everyMs: LOOK_EVERY_MS });
  return (
    <>
      <PageTitle title="Git repositories" />
      <PageSection isFilled>
        <Rows
          label="git repositories"
          list={list}
          columns={COLUMNS}
          keyOf={({ metadata }) => metadata.name}
          empty="No git repository says what fleets shall be. slipway fleet apply -f with a GitRepository makes one do so."
        />
      </PageSection>
    </>
  );
}

function SyncNow({ repository: { metadata, spec } }: { readonly repository: GitRepository }): ReactNode {
  const sync = useAction('gitRepositories.sync');
  if (!useMay('git:write')) return '';
  return (
    <ConfirmAction
      verb="Sync now"
      consequence={`The server looks at ${spec.url} now, and makes what ${metadata.name} says as it says.`}
      onConfirm={() => sync.mutateAsync({ params: { name: metadata.name }, body: {} })}
    />
  );
}

function sourceOf({ url, branch = 'main', path }: GitRepository['spec']): string {
  return `${url} ${branch}${path === undefined ? '' : `:${path}`}`;
}

/** Mistakes first; then what is not as git says. */
function wrongWith({ problems, changes }: GitRepository['status']): string {
  const mistakes = problems.map(({ file, line, message }) =>
    [file, line, message].filter((part) => part !== null).join(':'),
  );
  const left = changes.flatMap(({ kind, name, heldBack }) =>
    heldBack === null ? [] : [`${kind} ${name}: ${heldBack}`],
  );
  const [first, ...more] = [...mistakes, ...left];
  if (first === undefined) return '';
  return more.length === 0 ? first : `${first} (and ${more.length} more)`;
}
