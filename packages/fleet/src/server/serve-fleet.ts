import { randomBytes } from 'node:crypto';
import { type AddressInfo, isIPv6 } from 'node:net';
import { hostname } from 'node:os';
import { join } from 'node:path';
import {
  type Clock,
  type Logger,
  messageOf,
  SlipwayError,
  silentLog,
  systemClock,
  VERSION,
} from '@slipway/core';
import { Authority, type KeyAndCertificate } from '../authority/authority.ts';
import { reapLocksInTime } from '../compat/lock-reaper.ts';
import { SecretFiles } from '../configuration/secret-files.ts';
import { followSources } from '../configuration/source-follower.ts';
import { type FleetDatabase, openDatabase } from '../database/database.ts';
import { FleetCache } from '../devices/fleet-cache.ts';
import { Presence } from '../devices/presence.ts';
import { Waiters } from '../devices/waiters.ts';
import { EventHub } from '../events/event-hub.ts';
import { followRepositories } from '../gitops/git-follower.ts';
import { makeApp } from '../http/app.ts';
import { consolePages, type PageFiles } from '../http/console-pages.ts';
import { IdentityCache } from '../identity/identity-cache.ts';
import { LoginGuard } from '../identity/login-guard.ts';
import { IdentityProvider } from '../identity/oidc/identity-provider.ts';
import { checkProviderOptions, type ProviderOptions } from '../identity/oidc/provider-options.ts';
import { Seal } from '../identity/oidc/seal.ts';
import { runOperations } from '../operations/operation-runner.ts';
import { OutboundGuard } from '../outbound/outbound-guard.ts';
import { openFleetRegistry } from '../registry/fleet-registry.ts';
import { RolloutThread } from '../rollouts/rollout-thread.ts';
import { RolloutRunner } from '../rollouts/runner.ts';
import { SshAuthority } from '../ssh/ssh-authority.ts';
import { tellWebhooks } from '../webhooks/webhook-sender.ts';
import { makeFirstUser } from './first-user.ts';
import { HANDLERS } from './handlers.ts';
import { makeMetrics } from './metrics.ts';
import type { Services } from './services.ts';

/** How a fleet is served. */
export interface ServeFleetOptions {
  /** Directory of the server: the database file, unless another is named. */
  readonly root: string;
  /** `postgres://…`; without it a file in `root`. */
  readonly database?: string;
  readonly host?: string;
  /** 0: one that is free. */
  readonly port: number;
  /** Names and addresses clients reach it by, besides those of this machine; they go into its certificate. */
  readonly names?: readonly string[];
  /** `https://host[:port]` clients reach it at. */
  readonly publicUrl?: string;
  /** Certificate chain and key, PEM, instead of one of its own authority. */
  readonly tls?: KeyAndCertificate;
  /** Password of the first user on the first start; without it one is made and returned. */
  readonly firstPassword?: string;
  /** Whom people log in by, besides passwords. */
  readonly provider?: ProviderOptions;
  readonly certificateLifeMs?: number;
  /** Directory whose images are served at the same port, to who has a token for it. */
  readonly registryRoot?: string;
  /** Networks that URLs in resources may lead to besides public addresses: `10.0.0.0/8`. */
  readonly allowedNetworks?: readonly string[];
  /** Directory of secrets for devices: `ORGANISATION/FLEET/FILE`. */
  readonly secretsRoot?: string;
  /** How long a handshake, the headers and the body of a request may take to come in. Default: half a minute. */
  readonly receiveTimeoutMs?: number;
  /** How often rollouts under way are looked at. Default: every two seconds. */
  readonly stepRolloutsMs?: number;
  /** The console; without it there is the API alone. */
  readonly pages?: PageFiles;
  readonly clock?: Clock;
  readonly log?: Logger;
}

/** A running server; disposing of it lets requests under way end. */
export interface FleetServer extends AsyncDisposable {
  readonly url: string;
  /** Certificate of the authority, PEM: what clients check the server with. */
  readonly authority: string;
  /** Password of the first user, when this start made it. */
  readonly firstPassword: string | undefined;
}

const STEP_ROLLOUTS_MS = 2000;
const DAY_MS = 86_400_000;
/** Long enough for hosts that are off for a month, short enough to be renewed twice a year. */
const CERTIFICATE_LIFE_MS = 90 * DAY_MS;
const SERVER_CERTIFICATE_LIFE_MS = 365 * DAY_MS;

/**
 * Serves a fleet: API, device endpoint and health on one port, over TLS.
 *
 * @throws SlipwayError FLEET_DATABASE_UNUSABLE, FLEET_DATABASE_NEWER, FLEET_LISTEN_FAILED, FLEET_PROVIDER_INVALID,
 *   FLEET_NETWORK_INVALID, OCI_LAYOUT_INVALID
 */
export async function serveFleet(options: ServeFleetOptions): Promise<FleetServer> {
  const clock = options.clock ?? systemClock;
  const log = options.log ?? silentLog;
  if (options.provider !== undefined) checkProviderOptions(options.provider);
  const outbound = new OutboundGuard(options.allowedNetworks);
  await using resources = new AsyncDisposableStack();
  const database = resources.use(await openDatabase(databaseOf(options)));
  const authority = await Authority.open(database, clock);
  const firstPassword = await makeFirstUser(
    database,
    options.firstPassword ?? randomBytes(12).toString('base64url'),
    clock,
  );
  const ending = new AbortController();
  const services = makeServices(options, {
    database,
    authority,
    sshAuthority: await SshAuthority.open(database, clock),
    seal: await Seal.open(database),
    secrets: await SecretFiles.open(options.secretsRoot, database),
    outbound,
    clock,
    log,
    ending: ending.signal,
    resources,
  });
  const { registryRoot } = options;
  const registry =
    registryRoot === undefined ? undefined : resources.use(await openFleetRegistry(registryRoot, services));
  const app = makeApp({
    tls: await tlsOptions(options, authority),
    services,
    handlers: HANDLERS,
    ...(registry === undefined ? {} : { registry }),
    ...(options.receiveTimeoutMs === undefined ? {} : { receiveTimeoutMs: options.receiveTimeoutMs }),
    ...(options.pages === undefined ? {} : { otherPages: consolePages(options.pages) }),
  });
  resources.defer(() => app.close());
  // They end after what they wait for was told to end.
  resources.use(followRepositories(services, HANDLERS));
  resources.use(followSources(services));
  resources.use(runOperations(services));
  resources.use(tellWebhooks(services));
  resources.defer(() => ending.abort());
  resources.use(wakeWaiters(services));
  resources.use(new RolloutRunner(services, options.stepRolloutsMs ?? STEP_ROLLOUTS_MS));
  resources.use(reapLocksInTime(services));
  const address = await listen(app, options);
  const url = options.publicUrl ?? `https://${formatHost(address)}`;
  Object.assign(services.settings, { publicUrl: url });
  const running = resources.move();
  let closing: Promise<void> | undefined;
  return {
    url,
    authority: authority.certificate,
    firstPassword,
    [Symbol.asyncDispose]: async () => await (closing ??= running.disposeAsync()),
  };
}

function databaseOf({ database, root }: ServeFleetOptions): string {
  return database ?? join(root, 'fleet.db');
}

interface Parts {
  readonly database: FleetDatabase;
  readonly authority: Authority;
  readonly sshAuthority: SshAuthority;
  readonly seal: Seal;
  readonly secrets: SecretFiles;
  readonly outbound: OutboundGuard;
  readonly clock: Clock;
  readonly log: Logger;
  readonly ending: AbortSignal;
  readonly resources: AsyncDisposableStack;
}

function makeServices(
  options: ServeFleetOptions,
  { database, authority, sshAuthority, seal, secrets, outbound, clock, log, ending, resources }: Parts,
): Services {
  const presence = resources.use(new Presence(database, log));
  return {
    database,
    authority,
    sshAuthority,
    clock,
    log,
    ending,
    hub: resources.use(new EventHub(database)),
    presence,
    rollouts: resources.use(new RolloutThread(database, databaseOf(options), presence)),
    waiters: new Waiters(),
    fleets: new FleetCache(database),
    identities: new IdentityCache(),
    loginGuard: new LoginGuard(),
    provider: options.provider === undefined ? undefined : new IdentityProvider(options.provider, clock),
    seal,
    secrets,
    outbound,
    metrics: makeMetrics(),
    settings: {
      publicUrl: '',
      version: VERSION,
      certificateLifeMs: options.certificateLifeMs ?? CERTIFICATE_LIFE_MS,
    },
  };
}

/** Devices that wait look again when something about them or a fleet changed, on whichever replica. */
function wakeWaiters({ hub, waiters, fleets, identities }: Services): Disposable {
  return hub.listen((rows) => {
    for (const { kind, name } of rows) {
      if (kind === 'Device') waiters.wake(name);
      if (kind === 'Fleet') {
        fleets.forget();
        waiters.wakeAll();
      }
      if (kind === 'User' || kind === 'Role') identities.forget();
    }
  });
}

async function tlsOptions(
  options: ServeFleetOptions,
  authority: Authority,
): Promise<Parameters<typeof makeApp>[0]['tls']> {
  const names = [
    ...new Set([
      ...(options.names ?? []),
      ...publicName(options.publicUrl),
      hostname(),
      'localhost',
      '127.0.0.1',
      '::1',
    ]),
  ];
  const own = options.tls ?? (await authority.issueServer(names, SERVER_CERTIFICATE_LIFE_MS));
  return {
    cert: own.certificate,
    key: own.key,
    ca: authority.certificate,
    // Devices show a certificate, people do not; who shows one of somebody else is nobody.
    requestCert: true,
    rejectUnauthorized: false,
    minVersion: 'TLSv1.2',
  };
}

function publicName(url: string | undefined): readonly string[] {
  return url !== undefined && URL.canParse(url) ? [new URL(url).hostname] : [];
}

async function listen(
  app: ReturnType<typeof makeApp>,
  { host = '127.0.0.1', port }: ServeFleetOptions,
): Promise<AddressInfo> {
  try {
    await app.listen({ host, port });
  } catch (cause) {
    throw new SlipwayError(
      'FLEET_LISTEN_FAILED',
      `cannot listen on ${host} port ${port}: ${messageOf(cause)}`,
      {
        hint: 'choose an address of this machine and a port nobody listens on',
        cause,
      },
    );
  }
  return app.server.address() as AddressInfo;
}

function formatHost({ address, port }: AddressInfo): string {
  const host = address === '0.0.0.0' || address === '::' ? hostname() : address;
  return isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`;
}
