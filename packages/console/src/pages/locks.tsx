import { PageSection } from '@patternfly/react-core';
import type { Lock } from '@slipway/fleet-api';
import type { ReactNode } from 'react';
import { useAction, useList } from '../api/queries.ts';
import { useMay } from '../api/session.tsx';
import { ConfirmAction } from '../parts/confirm-action.tsx';
import { Moment } from '../parts/moment.tsx';
import { PageTitle } from '../parts/page-title.tsx';
import { type Column, Rows } from '../parts/rows.tsx';

const COLUMNS: readonly Column<Lock>[] = [
  { title: 'Group', width: 20, cell: ({ group }) => group },
  { title: 'Holder', width: 25, cell: ({ holder, owner }) => owner ?? holder },
  { title: 'Reason', width: 25, cell: ({ reason }) => reason ?? '' },
  { title: 'Held since', width: 10, cell: ({ acquiredAt }) => <Moment at={acquiredAt} /> },
  { title: 'Ends', width: 10, cell: ({ expiresAt }) => <Moment at={expiresAt} /> },
  { title: 'Release', width: 10, cell: (lock) => <ReleaseLock lock={lock} /> },
];

/** Who holds a reboot lock. */
export function LocksPage(): ReactNode {
  const list = useList('locks.list', {});
  return (
    <>
      <PageTitle title="Reboot locks" />
      <PageSection isFilled>
        <Rows
          label="locks"
          list={list}
          columns={COLUMNS}
          keyOf={({ group, holder }) => `${group} ${holder}`}
          empty="Nobody holds a lock: every host may reboot when its group has room."
        />
      </PageSection>
    </>
  );
}

function ReleaseLock({ lock: { group, holder } }: { readonly lock: Lock }): ReactNode {
  const release = useAction('locks.release');
  if (!useMay('locks:write')) return '';
  return (
    <ConfirmAction
      verb="Release"
      variant="danger"
      consequence={`${holder} loses its lock in ${group}, and another host may reboot although this one may not be back.`}
      onConfirm={() => release.mutateAsync({ params: { group, holder } })}
    />
  );
}
