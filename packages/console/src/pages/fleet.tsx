import { Card, CardBody, CardTitle, Grid, GridItem, PageSection } from '@patternfly/react-core';
import type { Fleet } from '@slipway/fleet-api';
import type { ReactNode } from 'react';
import { Link, useParams } from 'react-router';
import { useCall } from '../api/queries.ts';
import { useMay } from '../api/session.tsx';
import { connectionShares, updateShares } from '../parts/device-shares.ts';
import { Facts } from '../parts/facts.tsx';
import { PageTitle } from '../parts/page-title.tsx';
import { PolicyFacts } from '../parts/policy-facts.tsx';
import { ProblemAlert } from '../parts/problem-alert.tsx';
import { RollOut } from '../parts/roll-out.tsx';
import { SharesBar } from '../parts/shares-bar.tsx';

/** One fleet: its devices, the release they should run, the policy that brings them there. */
export function FleetPage(): ReactNode {
  const { name = '' } = useParams();
  const fleet = useCall('fleets.get', { params: { name } });
  const mayRollOut = useMay('rollouts:write');
  return (
    <>
      <PageTitle
        title={name}
        actions={mayRollOut && fleet.data !== undefined ? <RollOut fleet={name} /> : undefined}
      />
      <PageSection isFilled>
        <ProblemAlert error={fleet.error} />
        {fleet.data !== undefined && <FleetView fleet={fleet.data} />}
      </PageSection>
    </>
  );
}

function FleetView({ fleet: { metadata, spec, status } }: { readonly fleet: Fleet }): ReactNode {
  return (
    <Grid hasGutter>
      <GridItem lg={6}>
        <Card isFullHeight>
          <CardTitle component="h2">Devices</CardTitle>
          <CardBody>
            <p>
              <Link className="slipway-number" to={`/devices?fleet=${metadata.name}`}>
                {status.devices.total.toLocaleString('en')}
              </Link>{' '}
              devices
            </p>
            <SharesBar label="Connection" shares={connectionShares(status.devices)} />
            <br />
            <SharesBar label="Update state" shares={updateShares(status.devices)} />
          </CardBody>
        </Card>
      </GridItem>
      <GridItem lg={6}>
        <Card isFullHeight>
          <CardTitle component="h2">What is wanted</CardTitle>
          <CardBody>
            <Facts
              facts={{
                Description: spec.description,
                Selects: <code>{spec.selector === '' ? 'devices that name it' : spec.selector}</code>,
                Release: spec.release ?? 'whatever they run',
                Rollout:
                  status.rollout === null ? undefined : (
                    <Link to={`/rollouts/${status.rollout}`}>{status.rollout}</Link>
                  ),
                'Check-in every': `${spec.intervalSeconds ?? 60} s`,
                'Configuration files': spec.config?.length,
                Apps: spec.apps?.map((app) => app.name).join(', '),
              }}
            />
          </CardBody>
        </Card>
      </GridItem>
      <GridItem span={12}>
        <Card>
          <CardTitle component="h2">Policy</CardTitle>
          <CardBody>
            <PolicyFacts policy={spec.policy} />
          </CardBody>
        </Card>
      </GridItem>
    </Grid>
  );
}
