/** Where apps are on a host: `/state/apps/<name>`, apart from the deployments, so that they outlive each of them. */
import { join } from 'node:path';
import { SlipwayError } from '@slipway/core';
import { listDirectory } from '../directory.ts';
import type { HostLayout } from '../layout.ts';

/** Where the parts of one app are. */
export interface AppPaths {
  readonly directory: string;
  readonly revisions: string;
  /** Symlink to the revision that runs: `revisions/3`. The app is there when this is. */
  readonly current: string;
  /** Symlink to the revision a revert returns to. */
  readonly previous: string;
  /** While it is there, the revision that runs has not shown that it works. */
  readonly pending: string;
  /** Images that did not work and are not to be taken again. */
  readonly refused: string;
  /** What the app keeps, as systemd's StateDirectory= of a dynamic user. */
  readonly data: string;
  revision(number: number): RevisionPaths;
}

/** Where the parts of one revision are. */
export interface RevisionPaths {
  readonly directory: string;
  readonly record: string;
  /** Units that run it; the generator links those of the current one. */
  readonly units: string;
  /** The app's data as they were when this revision stopped being the current one. */
  readonly data: string;
}

/** As long as a user name of `app-<name>` may be; no dash at the end, none doubled (systemd escapes are not needed then). */
const NAME = /^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/;
const MAX_NAME_CHARACTERS = 24;

/** Below `/var/lib/private`, and `/var/lib` inside the app. */
export const DATA_DIRECTORY = 'slipway-apps';

/** Whether a text can name an app. */
export function isAppName(text: string): boolean {
  return text.length <= MAX_NAME_CHARACTERS && NAME.test(text);
}

/**
 * The paths of an app.
 *
 * @throws SlipwayError APP_INVALID when the name is none
 */
export function appPaths(layout: HostLayout, name: string): AppPaths {
  if (!isAppName(name)) {
    throw new SlipwayError(
      'APP_INVALID',
      `cannot use ${JSON.stringify(name.slice(0, 80))} as the name of an app`,
      {
        hint: `a name is up to ${MAX_NAME_CHARACTERS} lower-case letters, digits and single dashes, a letter first; give one with --name`,
      },
    );
  }
  const directory = join(layout.apps, name);
  const revisions = join(directory, 'revisions');
  return {
    directory,
    revisions,
    current: join(directory, 'current'),
    previous: join(directory, 'previous'),
    pending: join(directory, 'pending.json'),
    refused: join(directory, 'refused.json'),
    data: join(layout.varDirectory, 'lib/private', DATA_DIRECTORY, name),
    revision: (number) => revisionPaths(join(revisions, String(number))),
  };
}

/** Names of the apps of a host, also of those whose installation was cut short. */
export async function appNames(layout: HostLayout): Promise<readonly string[]> {
  return (await listDirectory(layout.apps)).filter(isAppName);
}

function revisionPaths(directory: string): RevisionPaths {
  return {
    directory,
    record: join(directory, 'revision.json'),
    units: join(directory, 'units'),
    data: join(directory, 'data'),
  };
}
