import { argument, optionalArgument } from '../argument.ts';
import { choiceOr, flag, value } from '../option.ts';
import { JSON_OPTION, SIGNATURE_POLICY_OPTION } from '../shared-options.ts';
import { type CommandSpec, defineCommand } from '../spec.ts';

const NOT_THERE = { code: 1, meaning: 'this machine is not a Slipway host, or has no such app' } as const;
const DID_NOT_WORK = {
  code: 1,
  meaning: 'this machine is not a Slipway host, or the app did not work and was taken back',
} as const;
const ALLOW_DENIED = flag('take the image although it did not work before');

/** Commands about apps, which are updated apart from the operating system. */
export const APP_COMMANDS: readonly CommandSpec[] = [
  defineCommand({
    path: ['app', 'install'],
    summary: 'run an image as an app, apart from the operating system',
    description: [
      'Brings a container image into the object store of this host, mounts it read-only and runs it as a confined service with a user and a data directory of its own. It stays through updates of the operating system, rollbacks and reboots.',
      'ENTRYPOINT, CMD, ENV, WORKDIR, STOPSIGNAL, EXPOSE, VOLUME and HEALTHCHECK of the image count; USER does not. Anything more is said in a drop-in of slipway-app-NAME.service, variables in /etc/slipway/apps/NAME.env.',
      'An app that ends, or whose health check fails, is taken back. With --kind sysext the image is a system extension: its /usr is merged into that of this host. With --kind confext it is a configuration extension: its /etc is merged, below what this host has itself.',
    ],
    arguments: { image: argument('REF', 'the image, such as registry.example/shop:v2') },
    options: {
      name: value('NAME', 'what to call it; the last part of the image name unless given'),
      kind: choiceOr('app', ['app', 'sysext', 'confext'], 'what the image is'),
      allowDenied: ALLOW_DENIED,
      signaturePolicy: SIGNATURE_POLICY_OPTION,
      json: JSON_OPTION,
    },
    json: 'the app, its version, revision and digest',
    exitCodes: [DID_NOT_WORK],
    examples: [
      { command: 'slipway app install registry.example/shop:stable', why: 'run it, now and at every boot' },
      { command: 'slipway app install --name till registry.example/shop:2', why: 'under a name of its own' },
      {
        command: 'slipway app install --kind sysext registry.example/debug-tools:1',
        why: 'add files to /usr without building an image',
      },
      {
        command: 'slipway app install --kind confext registry.example/site-config:1',
        why: 'add files to /etc that are updated and taken back as one',
      },
    ],
    load: async () => (await import('../../commands/app-install.ts')).appInstall,
  }),
  defineCommand({
    path: ['app', 'update'],
    summary: 'update apps to what their images are now',
    description: [
      'Looks for a newer image, keeps a copy of the data, and puts the new one in place of the old. When it does not work, the old one runs again with the data it had, and that image is not taken again by itself.',
    ],
    arguments: { name: optionalArgument('NAME', 'the app; all of them unless given') },
    options: {
      image: value('REF', 'another image from now on'),
      allowDenied: ALLOW_DENIED,
      signaturePolicy: SIGNATURE_POLICY_OPTION,
      json: JSON_OPTION,
    },
    json: 'each app, what became of it, its version, revision and digest',
    exitCodes: [DID_NOT_WORK],
    examples: [
      { command: 'slipway app update', why: 'bring all apps up to date' },
      { command: 'slipway app update shop --image registry.example/shop:3', why: 'move one to another tag' },
    ],
    load: async () => (await import('../../commands/app-update.ts')).appUpdate,
  }),
  defineCommand({
    path: ['app', 'revert'],
    summary: 'go back to the revision of an app before',
    description: [
      'Runs the revision before, with the data it had when it was left. The data of now are kept: a second revert takes the first one back.',
    ],
    arguments: { name: argument('NAME', 'the app') },
    options: { json: JSON_OPTION },
    json: 'the app, its version, revision and digest',
    exitCodes: [NOT_THERE],
    examples: [{ command: 'slipway app revert shop', why: 'the new version is not what it should be' }],
    load: async () => (await import('../../commands/app-revert.ts')).appRevert,
  }),
  defineCommand({
    path: ['app', 'remove'],
    summary: 'remove an app and what it kept',
    description: ['Stops it and removes its image, its data and the copies of them.'],
    arguments: { name: argument('NAME', 'the app') },
    options: {
      keepData: flag('leave its data in /var; an app of the same name finds them'),
      json: JSON_OPTION,
    },
    json: 'the app that was removed',
    exitCodes: [NOT_THERE],
    examples: [{ command: 'slipway app remove shop', why: 'it is not needed any more' }],
    load: async () => (await import('../../commands/app-remove.ts')).appRemove,
  }),
  defineCommand({
    path: ['app', 'list'],
    summary: 'list the apps of this host',
    description: ['Name, version, state and image of each.'],
    arguments: {},
    options: { json: JSON_OPTION },
    json: 'the apps with the revision that runs and the one before',
    exitCodes: [NOT_THERE],
    examples: [{ command: 'slipway app list', why: 'what runs here apart from the operating system' }],
    load: async () => (await import('../../commands/app-list.ts')).appList,
  }),
  defineCommand({
    path: ['app', 'status'],
    summary: 'show an app: what it runs, where it listens and keeps its data',
    description: ['Everything known about an app and the state of its service.'],
    arguments: { name: argument('NAME', 'the app') },
    options: { json: JSON_OPTION },
    json: 'the app with the revision that runs, the one before, and the state of its unit',
    exitCodes: [NOT_THERE],
    examples: [{ command: 'slipway app status shop', why: 'is it well, and where are its data' }],
    load: async () => (await import('../../commands/app-status.ts')).appStatus,
  }),
  defineCommand({
    path: ['internals', 'apps'],
    summary: 'finish changes of apps that were cut short',
    description: ['Called by slipway-apps.service at a boot after a power cut in the middle of a change.'],
    arguments: {},
    options: {},
    hidden: true,
    examples: [{ command: 'slipway internals apps', why: 'what the unit runs' }],
    load: async () => (await import('../../commands/internals-apps.ts')).internalsApps,
  }),
];
