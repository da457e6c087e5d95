import { argument, optionalArgument } from '../argument.ts';
import { choice, choiceOr, flag, parsedValue, parsedValueOr, value } from '../option.ts';
import {
  ETC_POLICY_OPTION,
  JSON_OPTION,
  PROGRESS_FD_OPTION,
  SIGNATURE_POLICY_OPTION,
  SOFT_REBOOT_OPTION,
} from '../shared-options.ts';
import { type CommandSpec, defineCommand } from '../spec.ts';
import { wholeNumber } from '../values.ts';

const NOT_A_HOST = { code: 1, meaning: 'this machine is not a Slipway host, or the answer is no' } as const;

const DEPLOYMENT_HELP =
  'its number in slipway status, the first digits of its id, its digest, or booted, rollback, staged';
const ALLOW_DENIED = flag('stage it although it did not come up before, and forget that it did not');

/** Commands of a running host. */
export const HOST_COMMANDS: readonly CommandSpec[] = [
  defineCommand({
    path: ['status'],
    summary: 'show what runs, what is staged and what can be gone back to',
    description: [
      'Prints the booted deployment, the staged one that the next boot will use, and the one a rollback returns to, each with image, digest and version.',
      'The JSON and YAML forms are those of bootc (org.containers.bootc/v1), so what reads one reads the other.',
    ],
    arguments: {},
    options: {
      json: flag('print the answer as JSON; short for --format json', { conflicts: ['format'] }),
      format: choice(['humanreadable', 'yaml', 'json'], 'form of the answer'),
      formatVersion: choiceOr('1', ['0', '1'], 'version of the JSON and YAML forms; 0 and 1 are the same'),
      booted: flag('only the deployment that runs'),
    },
    json: 'a BootcHost of org.containers.bootc/v1',
    exitCodes: [
      {
        code: 1,
        meaning: 'this machine is not a Slipway host; JSON and YAML say so in the document and end with 0',
      },
    ],
    examples: [
      { command: 'slipway status', why: 'what runs here, and what comes next' },
      {
        command: 'slipway status --json | jq -r .status.booted.image.imageDigest',
        why: 'the digest of the running image, for a script',
      },
    ],
    load: async () => (await import('../../commands/status.ts')).status,
  }),
  defineCommand({
    path: ['upgrade'],
    aliases: ['update'],
    summary: 'fetch the newest image of this host and stage it',
    description: [
      'Asks the registry for the image this host follows, fetches only the files it does not have, and stages them as the deployment of the next boot. The running system is not touched. With nothing new it says so and changes nothing.',
      "What this machine's signature policy does not accept is refused before anything of it is written.",
      'An image that did not come up before is left alone, and that is said; --allow-denied tries it again.',
      'At shutdown local changes in /etc are merged into the new deployment. If the new one does not come up healthy, the host goes back by itself.',
    ],
    arguments: {},
    options: {
      check: flag('only say whether there is something new', {
        conflicts: ['apply', 'downloadOnly', 'fromDownloaded'],
      }),
      apply: flag('reboot into the new deployment once it is staged'),
      softReboot: SOFT_REBOOT_OPTION,
      downloadOnly: flag('fetch and stage it, but let it wait until it is asked for', {
        conflicts: ['apply', 'fromDownloaded'],
      }),
      fromDownloaded: flag('use what waits since --download-only, without asking a registry', {
        conflicts: ['tag'],
      }),
      tag: value('TAG', 'follow this tag of the same image from now on'),
      allowDenied: ALLOW_DENIED,
      etcPolicy: ETC_POLICY_OPTION,
      signaturePolicy: SIGNATURE_POLICY_OPTION,
      progressFd: PROGRESS_FD_OPTION,
      json: JSON_OPTION,
    },
    json: 'what was found and what was staged',
    exitCodes: [NOT_A_HOST],
    examples: [
      { command: 'slipway upgrade --check', why: 'is there something new' },
      { command: 'slipway upgrade', why: 'stage it for the next boot, whenever that is' },
      { command: 'slipway upgrade --apply', why: 'stage it and reboot now' },
      { command: 'slipway upgrade --download-only', why: 'fetch by day what is to start by night' },
      { command: 'slipway upgrade --from-downloaded --apply', why: 'and by night reboot into it' },
    ],
    load: async () => (await import('../../commands/upgrade.ts')).upgrade,
  }),
  defineCommand({
    path: ['switch'],
    summary: 'follow another image from now on and stage it',
    description: [
      'Does what upgrade does with another image, and keeps following that one. /etc and /var come along.',
    ],
    arguments: {
      image: argument('REF', 'the image, such as registry.example/shop:v2 or oci:/var/images:v2'),
    },
    options: {
      transport: choiceOr(
        'registry',
        ['registry', 'oci', 'oci-archive', 'docker-archive', 'dir', 'containers-storage'],
        'how REF is read when it does not say so itself',
      ),
      retain: flag('keep the running deployment, whatever comes: pin it'),
      enforceContainerSigpolicy: flag(
        'accepted for bootc: the signature policy of this machine always decides',
      ),
      apply: flag('reboot into the new deployment once it is staged'),
      softReboot: SOFT_REBOOT_OPTION,
      allowDenied: ALLOW_DENIED,
      etcPolicy: ETC_POLICY_OPTION,
      signaturePolicy: SIGNATURE_POLICY_OPTION,
      progressFd: PROGRESS_FD_OPTION,
      json: JSON_OPTION,
    },
    json: 'what was staged',
    exitCodes: [
      { code: 1, meaning: 'this machine is not a Slipway host, or the image did not come up before' },
    ],
    examples: [
      { command: 'slipway switch registry.example/shop:beta', why: 'follow the beta tag' },
      {
        command: 'slipway switch --transport oci /media/usb/image:v2 --apply',
        why: 'update without a network',
      },
    ],
    load: async () => (await import('../../commands/switch.ts')).switchImage,
  }),
  defineCommand({
    path: ['rollback'],
    summary: 'make the previous deployment, or any kept one, the next to boot',
    description: [
      'Puts the other deployment first in the boot order; its /etc is as it was left, /var is shared. A staged update is dropped. A second call takes the first one back.',
    ],
    arguments: { deployment: optionalArgument('DEPLOYMENT', DEPLOYMENT_HELP) },
    options: { apply: flag('reboot into it now'), softReboot: SOFT_REBOOT_OPTION, json: JSON_OPTION },
    json: 'the deployment that boots next',
    exitCodes: [{ code: 1, meaning: 'not a Slipway host, or there is no other deployment' }],
    examples: [
      { command: 'slipway rollback', why: 'go back at the next boot' },
      { command: 'slipway rollback --apply', why: 'go back now' },
      { command: 'slipway rollback 3', why: 'go back to the deployment slipway status numbers 3' },
    ],
    load: async () => (await import('../../commands/rollback.ts')).rollback,
  }),
  defineCommand({
    path: ['history'],
    summary: 'list what happened to this host',
    description: [
      'Every transaction since the first boot: what was staged, finalized, booted, rolled back, and what failed and why.',
    ],
    arguments: {},
    options: {
      limit: parsedValueOr('50', wholeNumber(1, 100_000), 'COUNT', 'how many of the last records'),
      boot: parsedValue(
        wholeNumber(0, 10_000),
        'AGO',
        'only those of one boot: 0 is this one, 1 the one before',
      ),
      json: JSON_OPTION,
    },
    json: 'the records, oldest first',
    exitCodes: [NOT_A_HOST],
    examples: [
      { command: 'slipway history', why: 'read how this host came to be what it is' },
      { command: 'slipway history --boot 1', why: 'what the boot before this one did' },
      { command: 'slipway history --json', why: 'the same for a program' },
    ],
    load: async () => (await import('../../commands/history.ts')).history,
  }),
  defineCommand({
    path: ['edit'],
    summary: 'say what this host should be, as a document',
    description: [
      'Opens the spec of the status as YAML in $EDITOR, or reads it from a file, and does what was changed: another image is staged as switch does it, another boot order rolls back. One of the two at a time.',
    ],
    arguments: {},
    options: {
      filename: value('FILE', 'read the document from here instead; - is standard input', {
        short: 'f',
        completion: 'file',
      }),
      json: JSON_OPTION,
    },
    json: 'what was staged, or the deployment that boots next',
    exitCodes: [NOT_A_HOST],
    examples: [
      { command: 'slipway edit', why: 'change it by hand' },
      { command: 'slipway edit -f host.yaml', why: 'bring a host to what a file says' },
    ],
    load: async () => (await import('../../commands/edit.ts')).edit,
  }),
  defineCommand({
    path: ['usr-overlay'],
    aliases: ['usroverlay'],
    summary: 'make /usr writable until the next boot',
    description: [
      'Lays a file system in memory over /usr, for a debugger or a hurried fix. It is gone at reboot; the deployment under it is not touched.',
    ],
    arguments: {},
    options: {
      readOnly: flag(
        'mount it, but not writable; mount -o remount,rw in a mount namespace of your own opens it',
      ),
    },
    exitCodes: [NOT_A_HOST],
    examples: [{ command: 'slipway usr-overlay', why: 'try a package before it goes into the image' }],
    load: async () => (await import('../../commands/usr-overlay.ts')).usrOverlay,
  }),
];
