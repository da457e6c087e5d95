import { Bullseye, Spinner } from '@patternfly/react-core';
import type { ReactNode } from 'react';
import { Navigate, Route, Routes } from 'react-router';
import { useCall } from './api/queries.ts';
import { isUnauthorized } from './api/retry.ts';
import { SessionProvider } from './api/session.tsx';
import { PageFrame } from './layout/page-frame.tsx';
import { AuditPage } from './pages/audit.tsx';
import { DevicePage } from './pages/device.tsx';
import { DevicesPage } from './pages/devices.tsx';
import { FleetPage } from './pages/fleet.tsx';
import { FleetsPage } from './pages/fleets.tsx';
import { GitRepositoriesPage } from './pages/git-repositories.tsx';
import { LobbyPage } from './pages/lobby.tsx';
import { LocksPage } from './pages/locks.tsx';
import { LoginScreen } from './pages/login.tsx';
import { OverviewPage } from './pages/overview.tsx';
import { ReleasesPage } from './pages/releases.tsx';
import { RolloutPage } from './pages/rollout.tsx';
import { RolloutsPage } from './pages/rollouts.tsx';
import { UsersPage } from './pages/users.tsx';
import { WebhooksPage } from './pages/webhooks.tsx';
import { ProblemAlert } from './parts/problem-alert.tsx';

/** Who is not logged in sees the login and nothing else. */
export function App(): ReactNode {
  const session = useCall('sessions.current', {});
  if (isUnauthorized(session.error)) return <LoginScreen />;
  if (session.error !== null && session.data === undefined) return <ProblemAlert error={session.error} />;
  if (session.data === undefined) {
    return (
      <Bullseye>
        <Spinner aria-label="Loading" />
      </Bullseye>
    );
  }
  return (
    <SessionProvider session={session.data}>
      <PageFrame>
        <Routes>
          <Route path="/" element={<OverviewPage />} />
          <Route path="/devices" element={<DevicesPage />} />
          <Route path="/devices/:name" element={<DevicePage />} />
          <Route path="/fleets" element={<FleetsPage />} />
          <Route path="/fleets/:name" element={<FleetPage />} />
          <Route path="/rollouts" element={<RolloutsPage />} />
          <Route path="/rollouts/:name" element={<RolloutPage />} />
          <Route path="/releases" element={<ReleasesPage />} />
          <Route path="/enrolments" element={<LobbyPage />} />
          <Route path="/enrolments/:name" element={<LobbyPage />} />
          <Route path="/locks" element={<LocksPage />} />
          <Route path="/git-repositories" element={<GitRepositoriesPage />} />
          <Route path="/webhooks" element={<WebhooksPage />} />
          <Route path="/audit" element={<AuditPage />} />
          <Route path="/users" element={<UsersPage />} />
          <Route path="*" element={<Navigate to="/" replace />} />
        </Routes>
      </PageFrame>
    </SessionProvider>
  );
}
