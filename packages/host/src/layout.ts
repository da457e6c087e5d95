/** Every path of a Slipway host's root file system (DESIGN.md section 3; bootc's composefs backend). */
import { join } from 'node:path';
import { SlipwayError } from '@slipway/core';

/** Where the parts of one deployment are. */
export interface DeploymentPaths {
  readonly directory: string;
  /** Bound to `/etc`. */
  readonly etc: string;
  /** A new `/etc` being put together; takes the place of `etc` when it is whole and on the disk. */
  readonly etcStaged: string;
  /** The `/etc` that a finished update replaced, of an earlier life of the same deployment. */
  readonly etcPrevious: string;
  /** Symlink to the one `/var`; its target is {@link VAR_LINK_TARGET}. */
  readonly varLink: string;
  readonly origin: string;
  /** Kernel arguments this machine had of its own when it was staged. */
  readonly localKargs: string;
  /** Empty; while it is there, the deployment is kept whatever comes. */
  readonly pin: string;
}

/** Where the parts of a host are. */
export interface HostLayout {
  readonly sysroot: string;
  readonly composefs: string;
  readonly state: string;
  readonly deployments: string;
  /** The one `/var`. */
  readonly varDirectory: string;
  readonly history: string;
  /** The update that the next shutdown will finish. */
  readonly staged: string;
  /** What the next boot should bring up, and why. */
  readonly expected: string;
  /** Images that did not come up and are not to be staged again. */
  readonly denied: string;
  /** The last boot that was not good, and why. */
  readonly failedBoot: string;
  /** Apps, apart from the deployments. */
  readonly apps: string;
  /** That this host was bootc's. */
  readonly adopted: string;
  /** That a fleet lock was asked for, and where. */
  readonly fleetLock: string;
  /** podman's storage of bound images, where bootc keeps it. */
  readonly boundStorage: string;
  readonly lock: string;
  /** Unfinished downloads, kept so that an interrupted pull goes on. */
  readonly downloads: string;
  /** @throws SlipwayError STATE_INVALID when the id is not a digest */
  deployment(id: string): DeploymentPaths;
}

/** Target of a deployment's `var`. */
export const VAR_LINK_TARGET = '../../os/default/var';

const ID = /^(?:[0-9a-f]{64}|[0-9a-f]{128})$/;

/** Whether a text can name a deployment: an fs-verity digest in lower-case hex. */
export function isDeploymentId(text: string): boolean {
  return ID.test(text);
}

/**
 * The paths of a host.
 *
 * @param sysroot the physical root: `/sysroot` on a running host, `''` for paths from the root of a file system being made
 */
export function hostLayout(sysroot = '/sysroot'): HostLayout {
  const state = join(sysroot, 'state');
  const deployments = join(state, 'deploy');
  return {
    sysroot,
    composefs: join(sysroot, 'composefs'),
    state,
    deployments,
    varDirectory: join(state, 'os/default/var'),
    history: join(state, 'history.jsonl'),
    staged: join(state, 'staged.json'),
    expected: join(state, 'expected.json'),
    denied: join(state, 'denied.json'),
    failedBoot: join(state, 'failed-boot.json'),
    apps: join(state, 'apps'),
    adopted: join(state, 'adopted.json'),
    fleetLock: join(state, 'fleet-lock.json'),
    boundStorage: join(sysroot, 'composefs/bootc/storage'),
    lock: join(state, 'lock'),
    downloads: join(state, 'downloads'),
    deployment: (id) => deploymentPaths(deployments, id),
  };
}

function deploymentPaths(deployments: string, id: string): DeploymentPaths {
  if (!isDeploymentId(id)) {
    throw new SlipwayError(
      'STATE_INVALID',
      `cannot use the deployment ${JSON.stringify(id.slice(0, 140))}: not a digest`,
    );
  }
  const directory = join(deployments, id);
  return {
    directory,
    etc: join(directory, 'etc'),
    etcStaged: join(directory, 'etc.staged'),
    etcPrevious: join(directory, 'etc.previous'),
    varLink: join(directory, 'var'),
    origin: join(directory, `${id}.origin`),
    localKargs: join(directory, 'local-kargs'),
    pin: join(directory, 'pinned'),
  };
}
