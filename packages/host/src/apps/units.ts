/** The systemd units of an app: its root, itself, its health check. */
import type { AppRun } from './app-config.ts';
import { DATA_DIRECTORY } from './layout.ts';
import type { ExtensionKind } from './revision.ts';
import { commandLine, formatUnit, unitWord } from './unit-text.ts';
import { volumeDirectories } from './volumes.ts';

/** What the units of one revision are made of. */
export interface UnitsOf {
  readonly name: string;
  /** Of the image in the store. */
  readonly imageId: string;
  readonly version: string | undefined;
}

type Lines = readonly (readonly [string, string])[];

/** Names of the units of an app. */
export function unitNames(name: string): {
  readonly root: string;
  readonly app: string;
  readonly health: string;
} {
  return {
    root: `slipway-app-${name}-root.service`,
    app: `slipway-app-${name}.service`,
    health: `slipway-app-${name}-health.service`,
  };
}

/** Where the image of an app is mounted. */
export function appRoot(name: string): string {
  return `/run/slipway/apps/${name}`;
}

/** Unit files of an app by name. */
export function appUnits(of: UnitsOf, run: AppRun): Readonly<Record<string, string>> {
  const names = unitNames(of.name);
  const health = run.health;
  return {
    [names.root]: rootUnit(of, []),
    [names.app]: appUnit(of, run),
    ...(health === null
      ? {}
      : {
          [names.health]: formatUnit({
            Unit: [['Description', `Ask whether the app ${of.name} is well`], DOCUMENTATION],
            Service: [
              ['Type', 'oneshot'],
              ['ExecStart', commandLine(health.argv)],
              ['TimeoutStartSec', `${health.timeoutMs}ms`],
              ...confinement(of.name, run),
            ],
          }),
        }),
  };
}

/** What an extension is called in texts for people. */
export const EXTENSION_WORDS: Readonly<Record<ExtensionKind, string>> = {
  sysext: 'system extension',
  confext: 'configuration extension',
};

/** Unit files of an extension by name: mounted and merged before most services start. */
export function extensionUnits(of: UnitsOf, kind: ExtensionKind): Readonly<Record<string, string>> {
  const names = unitNames(of.name);
  // A host that went back to an older version knows no second kind, and takes nothing more than a name.
  const words = kind === 'sysext' ? of.name : `${of.name} ${kind}`;
  const early: Lines = [
    ['DefaultDependencies', 'no'],
    ['RequiresMountsFor', '/sysroot /var'],
    ['Before', 'sysinit.target shutdown.target'],
    ['Conflicts', 'shutdown.target'],
  ];
  return {
    [names.root]: rootUnit(of, early),
    [names.app]: formatUnit({
      Unit: [
        ['Description', `${kind === 'sysext' ? 'System' : 'Configuration'} extension ${title(of)}`],
        DOCUMENTATION,
        ['BindsTo', names.root],
        ['After', `${names.root} systemd-${kind}.service`],
        ...early,
      ],
      Service: [
        ['Type', 'oneshot'],
        ['RemainAfterExit', 'yes'],
        ['ExecStart', `/usr/libexec/slipway/extension merge ${words}`],
        ['ExecStop', `/usr/libexec/slipway/extension unmerge ${words}`],
      ],
      Install: [['WantedBy', 'sysinit.target']],
    }),
  };
}

const DOCUMENTATION = ['Documentation', 'man:slipway(8)'] as const;

function title({ name, version }: UnitsOf): string {
  // A label of the image: any text at all, and this is a line of a unit file.
  return version === undefined || !/^[\w.+~:-]{1,100}$/.test(version) ? name : `${name} ${version}`;
}

function rootUnit({ name, imageId }: UnitsOf, extra: Lines): string {
  return formatUnit({
    Unit: [
      ['Description', `Mount the image of ${name}`],
      DOCUMENTATION,
      ['ConditionPathExists', '/sysroot/composefs'],
      ['RequiresMountsFor', '/sysroot'],
      ...extra.filter(([key]) => key !== 'RequiresMountsFor'),
    ],
    Service: [
      ['Type', 'oneshot'],
      ['RemainAfterExit', 'yes'],
      ['ExecStart', `/usr/libexec/slipway/mount-image ${imageId} ${appRoot(name)} app:${name}`],
      ['ExecStop', `/bin/umount --lazy ${appRoot(name)}`],
    ],
  });
}

function appUnit(of: UnitsOf, run: AppRun): string {
  const names = unitNames(of.name);
  return formatUnit({
    Unit: [
      ['Description', `App ${title(of)}`],
      DOCUMENTATION,
      ['BindsTo', names.root],
      ['After', `${names.root} network-online.target nss-user-lookup.target`],
      ['Wants', 'network-online.target'],
    ],
    Service: [
      ['Type', 'exec'],
      ['ExecStart', commandLine(run.argv)],
      ['KillSignal', run.stopSignal],
      ['TimeoutStopSec', '30s'],
      ['Restart', 'on-failure'],
      ['RestartSec', '2s'],
      ['SyslogIdentifier', `app-${of.name}`],
      ...confinement(of.name, run),
    ],
    Install: [['WantedBy', 'multi-user.target']],
  });
}

/** What the app and its health check may do: nothing but compute, talk to the network and write their own data. */
function confinement(name: string, run: AppRun): Lines {
  const data = `${DATA_DIRECTORY}/${name}`;
  const privileged = run.ports.some(({ port }) => port < 1024);
  const capabilities = privileged ? 'CAP_NET_BIND_SERVICE' : '';
  const kept = volumeDirectories(run.volumes).map(({ directory }) => `${data}/${directory}`);
  return [
    ['RootDirectory', appRoot(name)],
    ['MountAPIVFS', 'yes'],
    ['BindReadOnlyPaths', '-/etc/resolv.conf -/etc/machine-id -/etc/hosts'],
    ['WorkingDirectory', `-${run.workingDirectory}`],
    ['Environment', unitWord(`HOME=/var/lib/${data}`)],
    ...run.environment.map((pair) => ['Environment', unitWord(pair)] as const),
    ['EnvironmentFile', `-/etc/slipway/apps/${name}.env`],
    ['DynamicUser', 'yes'],
    ['User', `app-${name}`],
    ['StateDirectory', [data, ...kept].join(' ')],
    ['StateDirectoryMode', '0700'],
    ['ProtectSystem', 'strict'],
    ['ProtectHome', 'yes'],
    ['PrivateTmp', 'yes'],
    ['PrivateDevices', 'yes'],
    ['PrivateIPC', 'yes'],
    ['ProtectClock', 'yes'],
    ['ProtectControlGroups', 'yes'],
    ['ProtectHostname', 'yes'],
    ['ProtectKernelLogs', 'yes'],
    ['ProtectKernelModules', 'yes'],
    ['ProtectKernelTunables', 'yes'],
    ['ProtectProc', 'invisible'],
    ['NoNewPrivileges', 'yes'],
    ['CapabilityBoundingSet', capabilities],
    ['AmbientCapabilities', capabilities],
    ['LockPersonality', 'yes'],
    ['RestrictAddressFamilies', 'AF_INET AF_INET6 AF_UNIX AF_NETLINK'],
    ['RestrictNamespaces', 'yes'],
    ['RestrictRealtime', 'yes'],
    ['RestrictSUIDSGID', 'yes'],
    ['SystemCallArchitectures', 'native'],
    ['SystemCallFilter', '@system-service'],
    ['SystemCallErrorNumber', 'EPERM'],
    // /etc/apparmor.d/slipway-app, loaded by slipway-apparmor.service; ignored where the kernel has no AppArmor.
    ['AppArmorProfile', '-slipway-app'],
    ['UMask', '0027'],
  ];
}
