import {
  Card,
  CardBody,
  CardTitle,
  Gallery,
  GalleryItem,
  List,
  ListItem,
  PageSection,
} from '@patternfly/react-core';
import type { Overview, Rollout } from '@slipway/fleet-api';
import type { ReactNode } from 'react';
import { Link } from 'react-router';
import { useCall } from '../api/queries.ts';
import { counted } from '../parts/counted.ts';
import { connectionShares, rolloutShares, updateShares } from '../parts/device-shares.ts';
import { PageTitle } from '../parts/page-title.tsx';
import { ProblemAlert } from '../parts/problem-alert.tsx';
import { type Share, SharesBar } from '../parts/shares-bar.tsx';
import { StateLabel } from '../parts/state-label.tsx';

const RELEASES_SHOWN = 8;
/** Counts of devices move without any event worth sending: they are read again this often. */
const EVERY_MS = 15_000;

/** The first page: is the fleet well, what runs where, what rolls out, what needs a person. */
export function OverviewPage(): ReactNode {
  const overview = useCall('overview.get', {}, { everyMs: EVERY_MS });
  const active = useCall('rollouts.list', { query: { active: 'true', limit: 10 } });
  return (
    <>
      <PageTitle title="Overview" />
      <PageSection isFilled>
        <ProblemAlert error={overview.error} />
        {overview.data !== undefined && (
          <Gallery hasGutter minWidths={{ default: '22rem' }}>
            <NeedsYou overview={overview.data} />
            <Devices overview={overview.data} />
            <Versions overview={overview.data} />
            <ActiveRollouts rollouts={active.data?.items ?? []} />
          </Gallery>
        )}
      </PageSection>
    </>
  );
}

function Tile({ title, children }: { readonly title: string; readonly children: ReactNode }): ReactNode {
  return (
    <GalleryItem>
      <Card isFullHeight>
        <CardTitle component="h2">{title}</CardTitle>
        <CardBody>{children}</CardBody>
      </Card>
    </GalleryItem>
  );
}

function NeedsYou({ overview }: { readonly overview: Overview }): ReactNode {
  const { enrolments, approvals, haltedRollouts, failedDevices, unknownImages } = overview.needsYou;
  const matters: readonly (readonly [number, string, string])[] = [
    [haltedRollouts, 'halted rollouts', '/rollouts?state=halted'],
    [approvals, 'rollouts that wait for an approval', '/rollouts?state=awaiting-approval'],
    [failedDevices, 'devices that failed their update', '/devices?update=failed'],
    [enrolments, 'hosts in the lobby', '/enrolments'],
    [unknownImages, 'devices that run an image of no release', '/devices?update=unknown'],
  ];
  const waiting = matters.filter(([count]) => count > 0);
  return (
    <Tile title="What needs you">
      {waiting.length === 0 ? (
        <p>Nothing. Everything goes by itself.</p>
      ) : (
        <List isPlain isBordered>
          {waiting.map(([count, what, path]) => (
            <ListItem key={path}>
              <Link to={path}>
                <strong>{count.toLocaleString('en')}</strong> {what}
              </Link>
            </ListItem>
          ))}
        </List>
      )}
    </Tile>
  );
}

function Devices({ overview: { devices, fleets } }: { readonly overview: Overview }): ReactNode {
  return (
    <Tile title="Devices">
      <p>
        <Link to="/devices" className="slipway-number">
          {devices.total.toLocaleString('en')}
        </Link>{' '}
        devices in {counted(fleets, 'fleets')}
      </p>
      <SharesBar label="Connection" shares={connectionShares(devices)} />
      <br />
      <SharesBar label="Update state" shares={updateShares(devices)} />
    </Tile>
  );
}

function Versions({ overview: { releases } }: { readonly overview: Overview }): ReactNode {
  const tones: readonly Share['tone'][] = ['good', 'busy', 'warning', 'idle'];
  const ordered = releases.toSorted((a, b) => b.devices - a.devices).slice(0, RELEASES_SHOWN);
  const shares = ordered.map(({ release, devices }, index) => ({
    name: release ?? 'no known release',
    count: devices,
    tone: release === null ? ('bad' as const) : (tones[Math.min(index, tones.length - 1)] ?? 'idle'),
  }));
  return (
    <Tile title="What they run">
      {shares.length === 0 ? <p>No device has said yet.</p> : <SharesBar label="Releases" shares={shares} />}
    </Tile>
  );
}

function ActiveRollouts({ rollouts }: { readonly rollouts: readonly Rollout[] }): ReactNode {
  return (
    <Tile title="Rolling out">
      {rollouts.length === 0 && <p>No rollout is under way.</p>}
      {rollouts.map(({ metadata, spec, status }) => (
        <div key={metadata.name} className="slipway-entry">
          <p>
            <Link to={`/rollouts/${metadata.name}`}>
              {spec.fleet} to {spec.release}
            </Link>{' '}
            <StateLabel state={status.state} />
          </p>
          <SharesBar label={`Devices of ${metadata.name}`} shares={rolloutShares(status.counts)} />
          {status.reason !== null && <p className="slipway-quiet">{status.reason}</p>}
        </div>
      ))}
    </Tile>
  );
}
