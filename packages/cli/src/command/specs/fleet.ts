import { argument, optionalArgument } from '../argument.ts';
import { flag, list, parsedValue, parsedValueOr, required, value, valueOr } from '../option.ts';
import { JSON_OPTION } from '../shared-options.ts';
import { type CommandSpec, defineCommand } from '../spec.ts';
import { parseHostPort, wholeNumber } from '../values.ts';

const KIND = argument(
  'KIND',
  'devices, fleets, releases, policies, rollouts, enrolments, users, roles or organisations; the singular is fine',
);
const FILE = required(
  'FILE',
  'resources as YAML or JSON, several documents if you like, or a directory of such files; - is standard input',
  { completion: 'file' },
);
const SERVER_TEXT =
  'The server is the one of the last slipway fleet login, or that of SLIPWAY_FLEET_URL, SLIPWAY_FLEET_TOKEN and SLIPWAY_FLEET_CA.';

/** Which database is meant. */
const DATABASE_OPTIONS = {
  root: value('DIR', 'directory of the server, whose database is a file', {
    completion: 'directory',
    conflicts: ['database'],
  }),
  database: value('URL', 'database of the server, postgres://USER:PASSWORD@HOST/NAME', {
    env: 'SLIPWAY_FLEET_DATABASE',
  }),
};

const PROVIDER_OPTIONS = {
  oidcIssuer: value('URL', 'identity provider people may log in by (OpenID Connect), as it names itself'),
  oidcClientId: value('ID', 'what the identity provider knows this server as', {
    env: 'SLIPWAY_OIDC_CLIENT_ID',
  }),
  oidcClientSecretFile: value('FILE', "secret of that client, the file's first line", { completion: 'file' }),
  oidcName: value('NAME', 'what the login page calls the identity provider; else its host'),
  oidcGroupsClaim: value('CLAIM', 'where it tells the groups of a person; else groups'),
};

/** Commands about fleets: the server, and talking to one as with kubectl. */
export const FLEET_COMMANDS: readonly CommandSpec[] = [
  defineCommand({
    path: ['fleet', 'serve'],
    summary: 'serve a fleet: devices, releases and rollouts',
    description: [
      'One process with everything: the API, the end devices talk to, rollouts, and a database in a file. It makes a certificate authority and a first user, admin, on its first start, and prints the password once.',
      'The console is at the same address, where it is installed: /usr/share/slipway/console, or build/console of a checkout.',
      'With --database it keeps everything in PostgreSQL instead; then any number of them may serve the same fleet.',
      'With --oidc-issuer people may also log in by an identity provider. It must know the address this server is reached at, followed by /api/v1/login/oidc/callback, as one to send people back to.',
      'With --registry it is a registry of images as well, at the same address. Clients log in with any name and a token; repositories begin with the name of the organisation, as in fleet.example:8443/default/shop:v1. Images stay in a directory of this server, so of several on one database only one can have it.',
      'It follows git repositories (slipway fleet apply -f with a GitRepository), calls webhooks, asks for alerts and gets files of configurations, on public addresses unless --allow-network names others.',
      'It prints its address when it is ready and writes the certificate of its authority to DIR/authority.pem. It runs until Ctrl-C or SIGTERM, lets what is under way end, and then ends with 0. A service manager that asks is told when it is ready.',
    ],
    arguments: {},
    options: {
      root: required('DIR', 'directory of the server; made when it is missing', { completion: 'directory' }),
      listen: parsedValueOr(
        '127.0.0.1:8443',
        parseHostPort,
        'HOST:PORT',
        'where to listen; port 0 is one that is free',
      ),
      database: value('URL', 'database to use instead of a file, postgres://USER:PASSWORD@HOST/NAME', {
        env: 'SLIPWAY_FLEET_DATABASE',
      }),
      name: list('NAME', 'name or address clients reach it by; goes into its certificate'),
      publicUrl: value('URL', 'address clients reach it at, where a proxy stands before it'),
      registry: flag('serve images, too, kept in DIR/registry'),
      allowNetwork: list(
        'NETWORK',
        'private network it may go to by URLs in resources, where a git server or Alertmanager is: 10.0.0.0/8',
      ),
      secrets: value('DIR', 'directory of secrets that configurations name: ORGANISATION/FLEET/FILE', {
        completion: 'directory',
      }),
      ...PROVIDER_OPTIONS,
    },
    examples: [
      {
        command: 'slipway fleet serve --root /var/lib/slipway-fleet',
        why: 'serve this machine, on port 8443 of the loopback',
      },
      {
        command:
          'slipway fleet serve --root /var/lib/slipway-fleet --listen 0.0.0.0:8443 --name fleet.example',
        why: 'serve a network, under a name',
      },
      {
        command:
          'slipway fleet serve --root /var/lib/slipway-fleet --public-url https://fleet.example --oidc-issuer https://login.example --oidc-client-id slipway --oidc-client-secret-file /etc/slipway-fleet/oidc-secret',
        why: 'let people log in by the identity provider of their company',
      },
      {
        command: 'slipway fleet serve --root /var/lib/slipway-fleet --registry',
        why: 'keep the images of the fleet where the fleet is',
      },
    ],
    load: async () => (await import('../../commands/fleet-serve.ts')).fleetServe,
  }),
  defineCommand({
    path: ['fleet', 'backup'],
    summary: 'write everything a fleet server knows into a file',
    description: [
      'The server may run on: the file is one moment of its database. It holds the key of the authority and the hashes of passwords, so only you can read it.',
    ],
    arguments: { file: argument('FILE', 'where to write it', { completion: 'file' }) },
    options: DATABASE_OPTIONS,
    examples: [
      {
        command: 'slipway fleet backup fleet.backup --root /var/lib/slipway-fleet',
        why: 'keep what the server of this machine knows',
      },
    ],
    load: async () => (await import('../../commands/fleet-backup.ts')).fleetBackup,
  }),
  defineCommand({
    path: ['fleet', 'restore'],
    summary: 'fill an empty database of a fleet server from a backup',
    description: [
      'The backup may be of an older version, and of either kind of database: this is also how a fleet moves from a file to PostgreSQL. It is checked to its end before anything is written.',
    ],
    arguments: { file: argument('FILE', 'what slipway fleet backup wrote', { completion: 'file' }) },
    options: DATABASE_OPTIONS,
    examples: [
      {
        command: 'slipway fleet restore fleet.backup --database postgres://fleet@db.example/fleet',
        why: 'move a fleet to PostgreSQL',
      },
    ],
    load: async () => (await import('../../commands/fleet-backup.ts')).fleetRestore,
  }),
  defineCommand({
    path: ['fleet', 'login'],
    summary: 'log in to a fleet server',
    description: [
      'Asks for a password, or reads the first line of standard input, and keeps the session in a file only you can read. It ends after twelve hours.',
      'With --oidc it prints an address and a code instead, and waits until you have typed the code there, in a browser of whichever machine.',
    ],
    arguments: { url: argument('URL', 'https://HOST:PORT of the server') },
    options: {
      user: valueOr('admin', 'NAME', 'the user'),
      organisation: valueOr('default', 'NAME', 'the organisation of the user'),
      oidc: flag('log in by the identity provider of the server, in a browser'),
      ca: value('FILE', "certificate of the server's authority, PEM; without it those of the system", {
        completion: 'file',
      }),
    },
    examples: [
      {
        command: 'slipway fleet login https://127.0.0.1:8443 --ca /var/lib/slipway-fleet/authority.pem',
        why: 'log in to the server of this machine as its first user',
      },
      {
        command: 'slipway fleet login https://fleet.example --oidc',
        why: 'log in as you do everywhere in your company',
      },
    ],
    load: async () => (await import('../../commands/fleet-login.ts')).fleetLogin,
  }),
  defineCommand({
    path: ['fleet', 'get'],
    summary: 'list resources of a fleet server, or one',
    description: ['Prints one line for each.', SERVER_TEXT],
    arguments: { kind: KIND, name: optionalArgument('NAME', 'only this one') },
    options: {
      selector: value('SELECTOR', 'only those whose labels match: site=berlin,!spare', { short: 'l' }),
      json: JSON_OPTION,
    },
    json: 'the resource, or the list of them',
    examples: [
      { command: 'slipway fleet get devices --selector site=berlin', why: 'see the devices in Berlin' },
      { command: 'slipway fleet get rollout shops-4 --json', why: 'look at a rollout from a program' },
    ],
    load: async () => (await import('../../commands/fleet-get.ts')).fleetGet,
  }),
  defineCommand({
    path: ['fleet', 'describe'],
    summary: 'show everything about a resource',
    description: [
      'Prints the resource as YAML: what is wanted and what is; of a device also what happened to it.',
      SERVER_TEXT,
    ],
    arguments: { kind: KIND, name: argument('NAME', 'which one') },
    options: {},
    examples: [{ command: 'slipway fleet describe device k7x2q', why: 'see why a device is not up to date' }],
    load: async () => (await import('../../commands/fleet-describe.ts')).fleetDescribe,
  }),
  defineCommand({
    path: ['fleet', 'apply'],
    summary: 'make resources what files say',
    description: [
      'Makes or replaces each resource of the file, or of the files in a directory. Where one asks for what is there already, nothing is changed.',
      'Giving a fleet another release begins a rollout.',
      SERVER_TEXT,
    ],
    arguments: {},
    options: {
      filename: { ...FILE, short: 'f' },
      dryRun: flag('let the server check everything, and change nothing'),
    },
    examples: [{ command: 'slipway fleet apply -f shops.yaml', why: 'bring a fleet to what the file says' }],
    load: async () => (await import('../../commands/fleet-apply.ts')).fleetApply,
  }),
  defineCommand({
    path: ['fleet', 'diff'],
    summary: 'show what applying files would change',
    description: [
      'Changes nothing. Of a directory it reads every .yaml, .yml and .json within, as a server that follows a git repository does; everything wrong with them is told at once, with file and line.',
      SERVER_TEXT,
    ],
    arguments: {},
    options: { filename: { ...FILE, short: 'f' } },
    exitCodes: [{ code: 1, meaning: 'applying would change something' }],
    examples: [
      { command: 'slipway fleet diff -f shops.yaml', why: 'let a pull request show what it would do' },
      { command: 'slipway fleet diff -f fleet/', why: 'the same for a folder of a git repository' },
    ],
    load: async () => (await import('../../commands/fleet-diff.ts')).fleetDiff,
  }),
  defineCommand({
    path: ['fleet', 'delete'],
    summary: 'delete a resource',
    description: [
      'A device is decommissioned: its certificate is revoked, and its record stays.',
      'Without a name all devices that --selector selects are decommissioned; --expect says how many they must be. It waits until that is done, and the server goes on when it does not.',
      SERVER_TEXT,
    ],
    arguments: { kind: KIND, name: optionalArgument('NAME', 'which one') },
    options: {
      selector: value('SELECTOR', 'devices to decommission, by their labels: site=berlin'),
      expect: parsedValue(wholeNumber(1, 10_000_000), 'N', 'how many devices that must be'),
      reason: value('TEXT', 'why; it stands in the audit log'),
    },
    examples: [
      { command: 'slipway fleet delete policy careful', why: 'remove a policy nobody uses' },
      {
        command: 'slipway fleet delete devices --selector site=berlin --expect 40 --reason sold',
        why: 'withdraw the identities of the forty devices of a site',
      },
    ],
    load: async () => (await import('../../commands/fleet-delete.ts')).fleetDelete,
  }),
  defineCommand({
    path: ['fleet', 'approve'],
    summary: 'let a host that waits in the lobby become a device',
    description: [SERVER_TEXT],
    arguments: { name: argument('NAME', 'the enrolment, as slipway fleet get enrolments lists it') },
    options: {
      label: list('NAME=VALUE', 'label it gets'),
      fleet: value('FLEET', 'fleet it is in, whatever its labels say'),
    },
    examples: [
      { command: 'slipway fleet approve k7x2q --label stage=canary', why: 'let a host in, as a canary' },
    ],
    load: async () => (await import('../../commands/fleet-approve.ts')).fleetApprove,
  }),
  defineCommand({
    path: ['fleet', 'rollout'],
    summary: 'approve, pause, resume, abort or roll back a rollout',
    description: [SERVER_TEXT],
    arguments: {
      action: argument('ACTION', 'what to do', {
        choices: ['approve', 'pause', 'resume', 'abort', 'rollback'],
      }),
      name: argument('NAME', 'the rollout'),
    },
    options: { reason: value('TEXT', 'why; it stands in the audit log') },
    examples: [
      {
        command: 'slipway fleet rollout rollback shops-4 --reason slow-tills',
        why: 'bring a whole fleet back',
      },
    ],
    load: async () => (await import('../../commands/fleet-rollout.ts')).fleetRollout,
  }),
  defineCommand({
    path: ['fleet', 'token'],
    summary: 'make a token for programs, or for hosts to enrol with',
    description: ['Prints the secret, once: the server keeps only its hash.', SERVER_TEXT],
    arguments: { name: argument('NAME', 'name of the token') },
    options: {
      enrol: flag('for hosts: who has it becomes a device without anybody approving', {
        conflicts: ['role'],
      }),
      role: value(
        'ROLE',
        'for programs: what they may; viewer, operator, approver, admin or a role you made',
      ),
      label: list('NAME=VALUE', 'label a host gets that enrols with it'),
      fleet: value('FLEET', 'fleet a host is in that enrols with it, or the only one a program may'),
      uses: valueOr('1', 'COUNT', 'how many hosts may enrol with it'),
    },
    examples: [
      {
        command: 'slipway fleet token berlin --enrol --label site=berlin --uses 40',
        why: 'let forty hosts in',
      },
      { command: 'slipway fleet token ci --role operator', why: 'let a pipeline roll out' },
      {
        command: 'slipway fleet token locks --role restarts --fleet workers',
        why: 'let hosts of other systems ask before they restart, by a role of your own',
      },
    ],
    load: async () => (await import('../../commands/fleet-token.ts')).fleetToken,
  }),
  defineCommand({
    path: ['fleet', 'watch'],
    summary: 'follow what changes',
    description: [
      'Prints one line for each event, until Ctrl-C. It goes on where it was when the connection breaks.',
      SERVER_TEXT,
    ],
    arguments: {},
    options: { fleet: value('FLEET', 'only events of this fleet'), json: JSON_OPTION },
    json: 'each event, one a line',
    examples: [{ command: 'slipway fleet watch --fleet shops', why: 'look on while a fleet is updated' }],
    load: async () => (await import('../../commands/fleet-watch.ts')).fleetWatch,
  }),
];
