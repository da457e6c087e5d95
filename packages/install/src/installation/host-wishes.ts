import type { ConfigFile } from '../config/load-config.ts';
import type { Customizations } from '../config/types.ts';

/** What options of the command line add to a configuration. */
export interface HostWishes {
  /** Public keys that open root, one a line. */
  readonly rootKeys: string | undefined;
  /** The root partition was given a size: it keeps it. */
  readonly keepsRootSize: boolean;
}

/** A configuration with what was asked for besides it; none where neither says anything. */
export function withWishes(
  file: ConfigFile | undefined,
  { rootKeys, keepsRootSize }: HostWishes,
): ConfigFile | undefined {
  if (rootKeys === undefined && !keepsRootSize) return file;
  const customizations: Customizations = file?.config.customizations ?? {};
  const keys = rootKeys === undefined ? [] : rootKeys.split('\n').map((line) => line.trim());
  const added = keys.filter((line) => line !== '' && !line.startsWith('#'));
  const { services } = customizations;
  return {
    path: file?.path ?? 'the command line',
    where: file?.where ?? ((path, message) => ({ line: 1, column: 1, field: path.join('.'), message })),
    config: {
      ...file?.config,
      customizations: {
        ...customizations,
        sshkey: [...(customizations.sshkey ?? []), ...added.map((key) => ({ user: 'root', key }))],
        ...(keepsRootSize
          ? { services: { ...services, masked: [...(services?.masked ?? []), 'slipway-grow-root.service'] } }
          : {}),
      },
    },
  };
}
