import { SlipwayError } from '@slipway/core';
import type { FleetClient, ListQuery, Metadata, Page } from '@slipway/fleet-api';

/** A resource, whatever its kind. */
export interface AnyResource {
  readonly kind: string;
  readonly metadata: Metadata;
  readonly spec: object;
  readonly status: object;
}

/** How the verbs of the command line reach one kind. */
export interface KindVerbs {
  readonly kind: string;
  readonly list: (client: FleetClient, query: ListQuery) => Promise<Page<AnyResource>>;
  readonly get: (client: FleetClient, name: string) => Promise<AnyResource>;
  readonly put?: (client: FleetClient, body: never, dryRun: boolean) => Promise<AnyResource>;
  readonly delete?: (client: FleetClient, name: string) => Promise<unknown>;
  /** What a line of a list says besides the name. */
  readonly words: (resource: AnyResource) => readonly string[];
}

type Named = { readonly metadata: { readonly name: string } };
const dry = (dryRun: boolean): { readonly dryRun: 'true' | 'false' } => ({
  dryRun: dryRun ? 'true' : 'false',
});
const at = (resource: Named): { readonly name: string } => ({ name: resource.metadata.name });

type Status = Readonly<Record<string, unknown>>;

/** A word of a status by its path; a dash where there is none. */
function word(resource: AnyResource, ...path: readonly string[]): string {
  let found: unknown = resource.status;
  for (const key of path) found = (found as Status | null | undefined)?.[key];
  return typeof found === 'string' || typeof found === 'number' ? String(found) : '-';
}

const VERBS: Readonly<Record<string, KindVerbs>> = {
  devices: {
    kind: 'Device',
    list: (client, query) => client.call('devices.list', { query }),
    get: (client, name) => client.call('devices.get', { params: { name } }),
    put: (client, body, dryRun) => client.call('devices.put', { params: at(body), query: dry(dryRun), body }),
    delete: (client, name) => client.call('devices.decommission', { params: { name }, body: {} }),
    words: (device) => [
      word(device, 'fleet'),
      word(device, 'connection', 'state'),
      word(device, 'update', 'release'),
      word(device, 'update', 'state'),
      word(device, 'update', 'whyNotUpToDate'),
    ],
  },
  fleets: {
    kind: 'Fleet',
    list: (client, query) => client.call('fleets.list', { query }),
    get: (client, name) => client.call('fleets.get', { params: { name } }),
    put: (client, body, dryRun) => client.call('fleets.put', { params: at(body), query: dry(dryRun), body }),
    delete: (client, name) => client.call('fleets.delete', { params: { name } }),
    words: (fleet) => [
      `${word(fleet, 'devices', 'total')} devices`,
      `${word(fleet, 'devices', 'upToDate')} up to date`,
      word(fleet, 'rollout'),
    ],
  },
  releases: {
    kind: 'Release',
    list: (client, query) => client.call('releases.list', { query }),
    get: (client, name) => client.call('releases.get', { params: { name } }),
    put: (client, body, dryRun) =>
      client.call('releases.put', { params: at(body), query: dry(dryRun), body }),
    delete: (client, name) => client.call('releases.delete', { params: { name } }),
    words: (release) => [`${word(release, 'devices')} devices`],
  },
  policies: {
    kind: 'Policy',
    list: (client, query) => client.call('policies.list', { query }),
    get: (client, name) => client.call('policies.get', { params: { name } }),
    put: (client, body, dryRun) =>
      client.call('policies.put', { params: at(body), query: dry(dryRun), body }),
    delete: (client, name) => client.call('policies.delete', { params: { name } }),
    words: () => [],
  },
  'git-repositories': {
    kind: 'GitRepository',
    list: (client, query) => client.call('gitRepositories.list', { query }),
    get: (client, name) => client.call('gitRepositories.get', { params: { name } }),
    put: (client, body, dryRun) =>
      client.call('gitRepositories.put', { params: at(body), query: dry(dryRun), body }),
    delete: (client, name) => client.call('gitRepositories.delete', { params: { name } }),
    words: (repository) => [
      word(repository, 'state'),
      word(repository, 'commit').slice(0, 12),
      word(repository, 'problems', '0', 'message'),
    ],
  },
  webhooks: {
    kind: 'Webhook',
    list: (client, query) => client.call('webhooks.list', { query }),
    get: (client, name) => client.call('webhooks.get', { params: { name } }),
    put: (client, body, dryRun) =>
      client.call('webhooks.put', { params: at(body), query: dry(dryRun), body }),
    delete: (client, name) => client.call('webhooks.delete', { params: { name } }),
    words: (webhook) => [`${word(webhook, 'failures')} failures`, word(webhook, 'reason')],
  },
  rollouts: {
    kind: 'Rollout',
    list: (client, query) => client.call('rollouts.list', { query }),
    get: (client, name) => client.call('rollouts.get', { params: { name } }),
    words: (rollout) => [
      word(rollout, 'state'),
      `${word(rollout, 'counts', 'succeeded')} of ${word(rollout, 'counts', 'total')} done`,
      `${word(rollout, 'counts', 'failed')} failed`,
      word(rollout, 'reason'),
    ],
  },
  enrolments: {
    kind: 'Enrolment',
    list: (client, query) => client.call('enrolments.list', { query }),
    get: (client, name) => client.call('enrolments.get', { params: { name } }),
    words: (enrolment) => [word(enrolment, 'state'), word(enrolment, 'address')],
  },
  users: {
    kind: 'User',
    list: (client, query) => client.call('users.list', { query }),
    get: (client, name) => client.call('users.get', { params: { name } }),
    put: (client, body, dryRun) => client.call('users.put', { params: at(body), query: dry(dryRun), body }),
    delete: (client, name) => client.call('users.delete', { params: { name } }),
    words: (user) => [word(user, 'origin'), word(user, 'lastLoginAt')],
  },
  roles: {
    kind: 'Role',
    list: (client, query) => client.call('roles.list', { query }),
    get: (client, name) => client.call('roles.get', { params: { name } }),
    put: (client, body, dryRun) => client.call('roles.put', { params: at(body), query: dry(dryRun), body }),
    delete: (client, name) => client.call('roles.delete', { params: { name } }),
    words: () => [],
  },
  organisations: {
    kind: 'Organisation',
    list: (client, query) => client.call('organisations.list', { query }),
    get: (client, name) => client.call('organisations.get', { params: { name } }),
    put: (client, body, dryRun) =>
      client.call('organisations.put', { params: at(body), query: dry(dryRun), body }),
    delete: (client, name) => client.call('organisations.delete', { params: { name } }),
    words: (organisation) => [`${word(organisation, 'devices')} devices`],
  },
};

/** The verbs of `devices`, `device` or `Device`. */
export function verbsOf(typed: string): KindVerbs {
  const name = typed.toLowerCase();
  const found = Object.entries(VERBS).find(
    ([plural, { kind }]) => plural === name || kind.toLowerCase() === name,
  )?.[1];
  if (found !== undefined) return found;
  throw new SlipwayError('USAGE', `cannot tell what '${typed}' is`, {
    hint: `give one of ${Object.keys(VERBS).join(', ')}`,
  });
}
