/** Whether this host can merge configuration extensions; asked before anything of one is fetched. */
import { SlipwayError } from '@slipway/core';
import { mountAt } from '../mount-table.ts';
import type { HostSystem } from '../system.ts';
import type { AppServices } from './services.ts';

/** The first that leaves `/etc` writable under them (`systemd-confext --mutable=`). */
const SYSTEMD_VERSION = 256;

/**
 * What is written to the merged `/etc` has to land in that of the deployment, so there must be one: not where the image keeps its `/etc` in
 * memory, or read-only.
 *
 * @throws SlipwayError APP_UNSUPPORTED
 */
export async function checkConfext(system: HostSystem, services: AppServices): Promise<void> {
  const version = await services.systemdVersion();
  if (version < SYSTEMD_VERSION) {
    throw unsupported(
      `systemd ${version} has none that leave /etc writable`,
      `systemd ${SYSTEMD_VERSION} or newer is needed, as Debian 13 has it: put the files into the image of the operating system instead`,
    );
  }
  const mountInfo = await system.mountInfo();
  const source = mountAt(mountInfo, '/etc')?.source;
  if (source === undefined || source.startsWith('transient:')) {
    throw unsupported(
      'its /etc is not kept',
      "usr/lib/composefs/setup-root-conf.toml of the host's image has /etc in memory or read-only: put the files into that image instead",
    );
  }
}

function unsupported(why: string, hint: string): SlipwayError {
  return new SlipwayError('APP_UNSUPPORTED', `cannot merge configuration extensions on this host: ${why}`, {
    hint,
  });
}
