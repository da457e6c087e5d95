import { argument } from '../argument.ts';
import { list, parsedValueOr, value } from '../option.ts';
import { type CommandSpec, defineCommand } from '../spec.ts';
import { wholeNumber } from '../values.ts';

const MAX_HOURS = 24;

/** Logging in to devices by certificates of their fleet. */
export const FLEET_SSH_COMMANDS: readonly CommandSpec[] = [
  defineCommand({
    path: ['fleet', 'ssh'],
    summary: 'get a certificate to log in to devices by ssh with, and know them by theirs',
    description: [
      'With certificate the fleet signs the key of --key for a while, for the devices your role reaches (the permission devices:ssh), and the certificate is written beside it, where ssh finds it by itself.',
      'With known-hosts it prints the line for known_hosts that lets ssh know every device by its certificate. A device is known by its name in the fleet: ssh -o HostKeyAlias=NAME.',
      'With user-authority it prints the key that signs certificates of people, for TrustedUserCAKeys of hosts that have no agent.',
      'With revoked it writes the key revocation list of what was signed and is not good any more, for RevokedHostKeys of ssh and RevokedKeys of sshd: devices that were decommissioned, people and tokens that are gone.',
      'The server is the one of the last slipway fleet login, or that of SLIPWAY_FLEET_URL, SLIPWAY_FLEET_TOKEN and SLIPWAY_FLEET_CA.',
    ],
    arguments: {
      action: argument('ACTION', 'what to do', {
        choices: ['certificate', 'known-hosts', 'user-authority', 'revoked'],
      }),
    },
    options: {
      key: value('FILE', 'public key to be signed, of Ed25519; else ~/.ssh/id_ed25519.pub', {
        completion: 'file',
      }),
      hours: parsedValueOr('8', wholeNumber(1, MAX_HOURS), 'N', 'how long the certificate is good for'),
      device: list('NAME', 'only for this device'),
    },
    examples: [
      { command: 'slipway fleet ssh certificate', why: 'log in to your devices for a working day' },
      {
        command: 'slipway fleet ssh certificate --device k7x2q --hours 1',
        why: 'look at one device, and no longer than needed',
      },
      { command: 'slipway fleet ssh known-hosts', why: 'see what known_hosts needs to know every device' },
      {
        command: 'slipway fleet ssh revoked > slipway-revoked',
        why: 'take no certificate of a device that was decommissioned',
      },
    ],
    load: async () => (await import('../../commands/fleet-ssh.ts')).fleetSsh,
  }),
];
