import type { Clock, Logger } from '@slipway/core';
import type { Authority } from '../authority/authority.ts';
import type { SecretFiles } from '../configuration/secret-files.ts';
import type { FleetDatabase } from '../database/database.ts';
import type { FleetCache } from '../devices/fleet-cache.ts';
import type { Presence } from '../devices/presence.ts';
import type { Waiters } from '../devices/waiters.ts';
import type { EventHub } from '../events/event-hub.ts';
import type { IdentityCache } from '../identity/identity-cache.ts';
import type { LoginGuard } from '../identity/login-guard.ts';
import type { IdentityProvider } from '../identity/oidc/identity-provider.ts';
import type { Seal } from '../identity/oidc/seal.ts';
import type { OutboundGuard } from '../outbound/outbound-guard.ts';
import type { RolloutThread } from '../rollouts/rollout-thread.ts';
import type { SshAuthority } from '../ssh/ssh-authority.ts';
import type { Metrics } from './metrics.ts';

/** What all handlers share. */
export interface Services {
  readonly database: FleetDatabase;
  readonly clock: Clock;
  readonly log: Logger;
  readonly authority: Authority;
  readonly sshAuthority: SshAuthority;
  readonly hub: EventHub;
  readonly presence: Presence;
  readonly waiters: Waiters;
  readonly fleets: FleetCache;
  readonly rollouts: RolloutThread;
  readonly identities: IdentityCache;
  readonly loginGuard: LoginGuard;
  /** Whom people log in by, besides passwords. */
  readonly provider: IdentityProvider | undefined;
  readonly seal: Seal;
  /** Where this server may go by URLs that stand in resources. */
  readonly outbound: OutboundGuard;
  /** Secrets of this machine that devices are told. */
  readonly secrets: SecretFiles;
  readonly metrics: Metrics;
  readonly settings: ServerSettings;
  /** Aborted when the server ends: whoever waits stops. */
  readonly ending: AbortSignal;
}

/** What of the options requests see. */
export interface ServerSettings {
  /** `https://host:port`, as clients reach it. */
  readonly publicUrl: string;
  readonly version: string;
  readonly certificateLifeMs: number;
}
