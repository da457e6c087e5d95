/** Which deployments stay: policy and pins, as data. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf, messageOf, SlipwayError } from '@slipway/core';
import { parse } from 'smol-toml';
import type { HostState } from './deployment.ts';
import type { HostSystem } from './system.ts';

/** How many deployments to go back to stay beside the booted and the staged one; pinned ones come on top. */
export interface RetentionPolicy {
  readonly keep: number;
}

/** Of `/etc`. */
export const RETENTION_FILE = 'slipway/deployments.toml';

const DEFAULT_POLICY: RetentionPolicy = { keep: 1 };
const MAX_KEEP = 100;

/**
 * Reads `/etc/slipway/deployments.toml`: `keep = 3`. Without the file one deployment to go back to is kept.
 *
 * @throws SlipwayError STATE_INVALID, naming the file, when it says something else
 */
export async function readRetention(system: HostSystem): Promise<RetentionPolicy> {
  const path = join(system.etc, RETENTION_FILE);
  try {
    return parseRetention(await readFile(path, 'utf8'), path);
  } catch (thrown) {
    if (errnoOf(thrown) === 'ENOENT') return DEFAULT_POLICY;
    throw thrown;
  }
}

function parseRetention(text: string, path: string): RetentionPolicy {
  const invalid = (why: string): SlipwayError =>
    new SlipwayError('STATE_INVALID', `cannot read ${path}: ${why}`, {
      hint: `write keep = 1, or another number up to ${MAX_KEEP}`,
      details: { path },
    });
  let values: Readonly<Record<string, unknown>>;
  try {
    values = parse(text);
  } catch (thrown) {
    throw invalid(messageOf(thrown).split('\n')[0] ?? 'it is no TOML');
  }
  const unknown = Object.keys(values).find((key) => key !== 'keep');
  if (unknown !== undefined) throw invalid(`unknown key ${JSON.stringify(unknown)}`);
  const { keep = DEFAULT_POLICY.keep } = values;
  if (typeof keep === 'number' && Number.isSafeInteger(keep) && keep >= 1 && keep <= MAX_KEEP)
    return { keep };
  throw invalid(`keep is not a number from 1 to ${MAX_KEEP}`);
}

/**
 * Ids of the deployments that stay: the booted, the staged, every pinned one, and of the rest the first `keep` the boot loader
 * would take.
 *
 * @param preferred the one to go back to, where it is not the one the boot loader would choose
 */
export function keptDeployments(
  { booted, staged, stagedDeployment, rollback, others }: HostState,
  { keep }: RetentionPolicy,
  preferred?: string,
): ReadonlySet<string> {
  const rest = [rollback, ...others].filter((deployment) => deployment !== undefined);
  const pinned = [booted, stagedDeployment, ...rest].filter((one) => one?.pinned === true);
  const candidates = [
    ...rest.filter(({ id }) => id === preferred),
    ...rest.filter(({ id, entry }) => id !== preferred && entry !== undefined),
  ];
  const places = candidates.filter((one) => !one.pinned && one.id !== staged?.deployment).slice(0, keep);
  return new Set(
    [booted.id, staged?.deployment, ...pinned.map((one) => one?.id), ...places.map(({ id }) => id)].filter(
      (id) => id !== undefined,
    ),
  );
}
