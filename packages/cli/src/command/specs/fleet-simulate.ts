import { flag, parsedList, parsedValue, parsedValueOr, required, value, valueOr } from '../option.ts';
import { JSON_OPTION } from '../shared-options.ts';
import { type CommandSpec, defineCommand } from '../spec.ts';
import { parseHostPort, parseNameValue, wholeNumber } from '../values.ts';

const percent = wholeNumber(0, 100);
const MAX_DEVICES = 200_000;
const YEAR_SECONDS = 31_536_000;

/** Fleets that are played: to try a policy, to size a server, to look at the console. */
export const FLEET_SIMULATE_COMMANDS: readonly CommandSpec[] = [
  defineCommand({
    path: ['fleet', 'simulate'],
    summary: 'enrol simulated devices at a fleet server and let them run',
    description: [
      'Many devices in one process, each with a key and a certificate of its own. They speak the protocol of devices with the agent real hosts have; only what they do to themselves is played: a download and a restart are time that passes.',
      'Shares are per cent of the devices; the same seed draws the same ones. A device with bad images tries the new one, finds it bad, goes back by itself and says so.',
      'It runs until Ctrl-C or SIGTERM, or for the time given, and prints what the devices did. The devices stay in the fleet; slipway fleet delete removes them.',
    ],
    arguments: {},
    options: {
      devices: parsedValueOr('100', wholeNumber(1, MAX_DEVICES), 'N', 'how many'),
      server: required('URL', 'the server, https://HOST:PORT'),
      ca: value('FILE', "certificate of the server's authority, PEM; without it those of the system", {
        completion: 'file',
      }),
      token: required('TOKEN', 'enrolment token with as many uses; slipway fleet token makes one'),
      image: valueOr(
        'registry.example/simulated:v1',
        'REF',
        'image they run at first; REF@DIGEST of a release, else the digest is made up',
      ),
      label: parsedList(parseNameValue, 'NAME=VALUE', 'label each device asks for'),
      slow: parsedValueOr('0', percent, 'PERCENT', 'devices that take ten times as long'),
      flaky: parsedValueOr('0', percent, 'PERCENT', 'devices that lose requests and downloads'),
      badImage: parsedValueOr('0', percent, 'PERCENT', 'devices on which a new image fails'),
      offline: parsedValueOr('0', percent, 'PERCENT', 'devices that are switched off half of the time'),
      clockSkew: parsedValueOr(
        '0',
        wholeNumber(0, YEAR_SECONDS),
        'SECONDS',
        'clocks are wrong by up to so much',
      ),
      downloadTime: parsedValueOr('10', wholeNumber(0, 86_400), 'SECONDS', 'mean time of a download'),
      restartTime: parsedValueOr('5', wholeNumber(0, 86_400), 'SECONDS', 'mean time of a restart'),
      for: parsedValue(wholeNumber(1, YEAR_SECONDS), 'SECONDS', 'end after so long'),
      seed: valueOr('slipway', 'TEXT', 'another seed draws other devices'),
      json: JSON_OPTION,
    },
    json: 'devices, enrolled, check-ins, restarts, updates, and how many devices are in which phase and run which image',
    examples: [
      {
        command:
          'slipway fleet simulate --devices 50 --server https://127.0.0.1:8443 --ca authority.pem --token "$TOKEN" --label kind=shop',
        why: 'fill a fleet with fifty devices',
      },
      {
        command:
          'slipway fleet simulate --devices 200 --server https://fleet.example:8443 --token "$TOKEN" --bad-image 5 --offline 20',
        why: 'see how a policy bears with images that fail and devices that are off',
      },
    ],
    load: async () => (await import('../../commands/fleet-simulate.ts')).fleetSimulate,
  }),
  defineCommand({
    path: ['fleet', 'demo'],
    summary: 'show a fleet in the middle of a rollout, from nothing',
    description: [
      'Starts a server with its console, makes two releases, a policy with canaries and a fleet, enrols simulated devices that run the first release, and rolls the second one out.',
      'It prints the address and a user to log in with. The certificate is of an authority made for this server: a browser asks whether to trust it. Everything is gone at the end unless --root keeps it. It runs until Ctrl-C or SIGTERM.',
    ],
    arguments: {},
    options: {
      devices: parsedValueOr('50', wholeNumber(1, 2000), 'N', 'how many'),
      listen: parsedValueOr(
        '127.0.0.1:0',
        parseHostPort,
        'HOST:PORT',
        'where to listen; port 0 is one that is free',
      ),
      root: value('DIR', 'empty directory for the server, which is kept', { completion: 'directory' }),
      badImage: parsedValueOr('0', percent, 'PERCENT', 'devices on which the new release fails'),
      exitWhenDone: flag('end when the rollout has: with 0 if it succeeded, else with 1'),
      json: JSON_OPTION,
    },
    json: 'with --exit-when-done: the rollout at its end and what the devices did',
    examples: [
      { command: 'slipway fleet demo', why: 'look at a rollout in the console' },
      { command: 'slipway fleet demo --bad-image 40', why: 'watch a rollout stop by itself' },
    ],
    load: async () => (await import('../../commands/fleet-demo.ts')).fleetDemo,
  }),
];
