import { Flex, PageSection } from '@patternfly/react-core';
import type { Enrolment, EnrolmentToken } from '@slipway/fleet-api';
import type { ReactNode } from 'react';
import { useParams } from 'react-router';
import { useAction, useList } from '../api/queries.ts';
import { useMay } from '../api/session.tsx';
import { ConfirmAction } from '../parts/confirm-action.tsx';
import { Labels } from '../parts/labels.tsx';
import { Moment } from '../parts/moment.tsx';
import { PageTitle } from '../parts/page-title.tsx';
import { type Column, Rows } from '../parts/rows.tsx';
import { StateLabel } from '../parts/state-label.tsx';

const FINGERPRINT_SHOWN = 16;

const COLUMNS: readonly Column<Enrolment>[] = [
  { title: 'Host', width: 20, cell: ({ metadata, spec }) => spec.hostname ?? metadata.name },
  {
    title: 'Key',
    width: 15,
    cell: ({ spec }) => (
      <code title={spec.keyFingerprint}>{spec.keyFingerprint.slice(0, FINGERPRINT_SHOWN)}</code>
    ),
  },
  { title: 'From', width: 10, cell: ({ status }) => status.address ?? '' },
  { title: 'Labels it asks for', width: 15, cell: ({ spec }) => <Labels labels={spec.labels} /> },
  { title: 'Asked', width: 10, cell: ({ metadata }) => <Moment at={metadata.createdAt} /> },
  {
    title: 'State',
    width: 10,
    cell: ({ status }) => (
      <>
        <StateLabel state={status.state} /> {status.reason ?? ''}
      </>
    ),
  },
  { title: 'Decision', width: 20, cell: (enrolment) => <Decision enrolment={enrolment} /> },
];

const TOKENS: readonly Column<EnrolmentToken>[] = [
  { title: 'Token', width: 25, cell: ({ name }) => name },
  { title: 'Fleet', width: 15, cell: ({ fleet }) => fleet ?? 'none' },
  { title: 'Labels', width: 20, cell: ({ labels }) => <Labels labels={labels} /> },
  { title: 'Uses left', width: 10, cell: ({ usesLeft }) => usesLeft.toLocaleString('en') },
  { title: 'Expires', width: 15, cell: ({ expiresAt }) => <Moment at={expiresAt} /> },
  { title: 'Made by', width: 15, cell: ({ createdBy }) => createdBy },
];

/** Hosts that want to be devices. An address with a name, as in the QR code on a host's console, shows that host alone. */
export function LobbyPage(): ReactNode {
  const { name } = useParams();
  const enrolments = useList('enrolments.list', { query: name === undefined ? {} : { search: name } });
  const tokens = useList('enrolmentTokens.list', {});
  return (
    <>
      <PageTitle title="Enrolment lobby" />
      <PageSection isFilled>
        <Rows
          label="hosts"
          list={enrolments}
          columns={COLUMNS}
          keyOf={({ metadata }) => metadata.name}
          empty="A host that runs slipway agent, and has no token, waits here until somebody lets it in."
        />
        <br />
        <Rows
          label="enrolment tokens"
          list={tokens}
          columns={TOKENS}
          keyOf={(token) => token.name}
          empty="A token lets hosts in without anybody watching: slipway fleet enrolment-token create NAME"
        />
      </PageSection>
    </>
  );
}

function Decision({ enrolment: { metadata, spec, status } }: { readonly enrolment: Enrolment }): ReactNode {
  const mayApprove = useMay('enrolments:approve');
  const approve = useAction('enrolments.approve');
  const reject = useAction('enrolments.reject');
  const params = { name: metadata.name };
  if (status.state !== 'pending') return status.decidedBy === null ? '' : `by ${status.decidedBy}`;
  if (!mayApprove) return 'waits for an operator';
  return (
    <Flex>
      <ConfirmAction
        verb="Approve"
        variant="primary"
        consequence={`${spec.hostname ?? metadata.name} gets a certificate. Its key is ${spec.keyFingerprint}.`}
        onConfirm={() => approve.mutateAsync({ params, body: {} })}
      />
      <ConfirmAction
        verb="Reject"
        variant="danger"
        consequence={`${spec.hostname ?? metadata.name} is turned away.`}
        onConfirm={(reason) => reject.mutateAsync({ params, body: reason === undefined ? {} : { reason } })}
      />
    </Flex>
  );
}
