import { PageSection } from '@patternfly/react-core';
import type { Grant, Role, Token, User } from '@slipway/fleet-api';
import type { ReactNode } from 'react';
import { useAction, useList } from '../api/queries.ts';
import { useMay } from '../api/session.tsx';
import { ConfirmAction } from '../parts/confirm-action.tsx';
import { Moment } from '../parts/moment.tsx';
import { PageTitle } from '../parts/page-title.tsx';
import { type Column, Rows } from '../parts/rows.tsx';

const USERS: readonly Column<User>[] = [
  { title: 'User', width: 20, cell: ({ metadata, spec }) => spec.displayName ?? metadata.name },
  { title: 'May', width: 40, cell: ({ spec }) => spec.grants.map(inWords).join('; ') },
  { title: 'Comes from', width: 10, cell: ({ status }) => status.origin },
  { title: 'Last login', width: 15, cell: ({ status }) => <Moment at={status.lastLoginAt} /> },
  { title: 'State', width: 15, cell: ({ spec }) => (spec.disabled === true ? 'disabled' : 'active') },
];

const ROLES: readonly Column<Role>[] = [
  { title: 'Role', width: 20, cell: ({ metadata }) => metadata.name },
  { title: 'May', width: 40, cell: ({ spec }) => spec.permissions.join(', ') },
  { title: 'Groups', width: 20, cell: ({ spec }) => spec.groups?.join(', ') ?? '' },
  { title: 'Kind', width: 20, cell: ({ status }) => (status.builtIn ? 'built in' : 'own') },
];

const TOKENS: readonly Column<Token>[] = [
  { title: 'Token', width: 20, cell: ({ name }) => name },
  { title: 'May', width: 25, cell: ({ grants }) => grants.map(inWords).join('; ') },
  { title: 'Owner', width: 15, cell: ({ owner }) => owner },
  { title: 'Expires', width: 15, cell: ({ expiresAt }) => <Moment at={expiresAt} /> },
  { title: 'Last used', width: 15, cell: ({ lastUsedAt }) => <Moment at={lastUsedAt} /> },
  { title: 'Withdraw', width: 10, cell: (token) => <Withdraw token={token} /> },
];

/** Who may do what. */
export function UsersPage(): ReactNode {
  const users = useList('users.list', {});
  const roles = useList('roles.list', {});
  const tokens = useList('tokens.list', {});
  return (
    <>
      <PageTitle title="Users and access" />
      <PageSection isFilled>
        <Rows
          label="users"
          list={users}
          columns={USERS}
          keyOf={({ metadata }) => metadata.name}
          empty="Nobody."
        />
        <br />
        <Rows
          label="roles"
          list={roles}
          columns={ROLES}
          keyOf={({ metadata }) => metadata.name}
          empty="None."
        />
        <br />
        <Rows
          label="tokens"
          list={tokens}
          columns={TOKENS}
          keyOf={({ name }) => name}
          empty="Programs log in with tokens: slipway fleet token create NAME"
        />
      </PageSection>
    </>
  );
}

function Withdraw({ token: { name } }: { readonly token: Token }): ReactNode {
  const remove = useAction('tokens.delete');
  if (!useMay('tokens:write')) return '';
  return (
    <ConfirmAction
      verb="Withdraw"
      variant="danger"
      consequence={`Whatever uses the token ${name} is refused from now on.`}
      onConfirm={() => remove.mutateAsync({ params: { name } })}
    />
  );
}

function inWords({ role, fleets, selector }: Grant): string {
  const where = [fleets?.join(', '), selector].filter((part) => part !== undefined);
  return where.length === 0 ? role : `${role} of ${where.join(' where ')}`;
}
