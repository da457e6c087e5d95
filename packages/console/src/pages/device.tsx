import { Alert, Card, CardBody, CardTitle, Grid, GridItem, PageSection } from '@patternfly/react-core';
import type { Device, DeviceReport } from '@slipway/fleet-api';
import type { ReactNode } from 'react';
import { useParams } from 'react-router';
import { useAction, useCall } from '../api/queries.ts';
import { useMay } from '../api/session.tsx';
import { ConfirmAction } from '../parts/confirm-action.tsx';
import { DeviceTimeline } from '../parts/device-timeline.tsx';
import { DigestText } from '../parts/digest-text.tsx';
import { Facts } from '../parts/facts.tsx';
import { Labels } from '../parts/labels.tsx';
import { Moment } from '../parts/moment.tsx';
import { PageTitle } from '../parts/page-title.tsx';
import { ProblemAlert } from '../parts/problem-alert.tsx';
import { StateLabel } from '../parts/state-label.tsx';

/** One device: what it is, what it should be, why the two differ, and what happened to it. */
export function DevicePage(): ReactNode {
  const { name = '' } = useParams();
  const device = useCall('devices.get', { params: { name } });
  const decommission = useAction('devices.decommission');
  const mayDecommission = useMay('devices:decommission') && device.data?.status.lifecycle === 'enrolled';
  const actions = mayDecommission && (
    <ConfirmAction
      verb="Decommission"
      variant="danger"
      consequence={`The certificate of ${name} is revoked and it forgets its identity. It has to enrol anew to come back.`}
      onConfirm={(reason) =>
        decommission.mutateAsync({ params: { name }, body: reason === undefined ? {} : { reason } })
      }
    />
  );
  return (
    <>
      <PageTitle title={name} actions={actions} />
      <PageSection isFilled>
        <ProblemAlert error={device.error} />
        {device.data !== undefined && <DeviceView device={device.data} />}
      </PageSection>
    </>
  );
}

function DeviceView({ device }: { readonly device: Device }): ReactNode {
  const { report, update } = device.status;
  return (
    <Grid hasGutter>
      {update.whyNotUpToDate !== null && (
        <GridItem span={12}>
          <Alert
            component="h2"
            isInline
            variant={update.state === 'failed' ? 'danger' : 'warning'}
            title={`Not up to date: ${update.whyNotUpToDate}`}
          />
        </GridItem>
      )}
      <GridItem lg={6}>
        <StateCard device={device} />
      </GridItem>
      <GridItem lg={6}>
        <ImagesCard report={report} />
      </GridItem>
      <GridItem lg={6}>
        <HealthCard report={report} />
      </GridItem>
      <GridItem lg={6}>
        <FactsCard report={report} />
      </GridItem>
      <GridItem span={12}>
        <DeviceTimeline name={device.metadata.name} />
      </GridItem>
    </Grid>
  );
}

function Panel({ title, children }: { readonly title: string; readonly children: ReactNode }): ReactNode {
  return (
    <Card isFullHeight>
      <CardTitle component="h2">{title}</CardTitle>
      <CardBody>{children}</CardBody>
    </Card>
  );
}

function StateCard({ device: { metadata, spec, status } }: { readonly device: Device }): ReactNode {
  const { connection, update, certificate } = status;
  return (
    <Panel title="State">
      <Facts
        facts={{
          Lifecycle: status.lifecycle,
          Connection: (
            <>
              <StateLabel state={connection.state} /> {connection.reason ?? ''}
            </>
          ),
          'Last seen': <Moment at={connection.lastSeenAt} />,
          Address: connection.address,
          Fleet: status.fleet ?? 'none',
          Update: <StateLabel state={update.state} />,
          Doing: update.phase === 'idle' ? undefined : update.phase,
          'Should run': update.desiredRelease,
          Rollout: update.rollout,
          'On hold': spec.hold?.reason,
          Labels: <Labels labels={metadata.labels} />,
          'Certificate ends': certificate === null ? undefined : <Moment at={certificate.notAfter} />,
          Enrolled: <Moment at={metadata.createdAt} />,
        }}
      />
    </Panel>
  );
}

function ImagesCard({ report }: { readonly report: DeviceReport | null }): ReactNode {
  if (report === null) return <Panel title="Images">It has not reported yet.</Panel>;
  const image = (ref: DeviceReport['image']['booted']): ReactNode =>
    ref === null ? undefined : (
      <>
        {ref.reference} <DigestText digest={ref.digest} />
      </>
    );
  return (
    <Panel title="Images">
      <Facts
        facts={{
          Booted: image(report.image.booted),
          Staged: image(report.image.staged),
          Rollback: image(report.image.rollback),
          'Changed files in /etc': report.etcDriftCount,
          'Free space': report.freeBytes === undefined ? undefined : gigabytes(report.freeBytes),
          'Bill of materials':
            report.sbomDigest === undefined ? undefined : <DigestText digest={report.sbomDigest} />,
          Agent: report.agentVersion,
        }}
      />
    </Panel>
  );
}

function HealthCard({ report }: { readonly report: DeviceReport | null }): ReactNode {
  const checks = report?.health.checks ?? [];
  return (
    <Panel title="Health">
      <p>
        <StateLabel state={report?.health.state ?? 'unknown'} />
      </p>
      <Facts
        facts={Object.fromEntries(
          checks.map(({ name, state, message }) => [
            name,
            <span key={name}>
              <StateLabel state={state} /> {message ?? ''}
            </span>,
          ]),
        )}
      />
    </Panel>
  );
}

function FactsCard({ report }: { readonly report: DeviceReport | null }): ReactNode {
  const facts = Object.entries(report?.facts ?? {}).map(([name, value]) => [name, String(value)]);
  return (
    <Panel title="Facts">
      <Facts facts={{ Architecture: report?.architecture, ...Object.fromEntries(facts) }} />
    </Panel>
  );
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(1)} GB`;
}
