import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { errnoOf, SlipwayError } from '@slipway/core';
import * as z from 'zod';

/** Which server is talked to, and as whom. */
export interface FleetContext {
  readonly url: string;
  readonly secret: string;
  /** Certificate of its authority, PEM; without it those of the system. */
  readonly authority?: string;
}

const contextSchema: z.ZodType<FleetContext> = z.object({
  url: z.string(),
  secret: z.string(),
  authority: z.string().exactOptional(),
});

function contextPath(): string {
  const config = process.env['XDG_CONFIG_HOME'];
  const base = config === undefined || config === '' ? join(homedir(), '.config') : config;
  return join(base, 'slipway', 'fleet.json');
}

/** Keeps a login; only its owner can read the file. A power cut leaves the login before, or this one. */
export async function saveContext(context: FleetContext): Promise<void> {
  const path = contextPath();
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await writeFile(`${path}.new`, `${JSON.stringify(context, undefined, 2)}\n`, { mode: 0o600 });
  await rename(`${path}.new`, path);
}

/**
 * The server of the environment, else that of the last login.
 *
 * @throws SlipwayError FLEET_UNAUTHENTICATED when there is neither
 */
export async function loadContext(): Promise<FleetContext> {
  const { SLIPWAY_FLEET_URL: url, SLIPWAY_FLEET_TOKEN: secret, SLIPWAY_FLEET_CA: ca } = process.env;
  if (url !== undefined && secret !== undefined) {
    return { url, secret, ...(ca === undefined ? {} : { authority: await readFile(ca, 'utf8') }) };
  }
  try {
    return contextSchema.parse(JSON.parse(await readFile(contextPath(), 'utf8')));
  } catch (cause) {
    const isMissing = errnoOf(cause) === 'ENOENT';
    throw new SlipwayError(
      'FLEET_UNAUTHENTICATED',
      isMissing
        ? 'cannot tell which fleet server is meant: nobody logged in'
        : `cannot use ${contextPath()}: it is damaged`,
      { hint: 'log in by slipway fleet login URL', cause },
    );
  }
}
