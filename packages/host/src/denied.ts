/**
 * Images that did not come up: `state/denied.json`. An upgrade does not stage them again by itself, or a host would try the same
 * bad image every night. Whoever asks for one by hand gets it.
 */
import { writeFileDurably } from '@slipway/boot';
import { asJsonRecord, formatJsonRecord, type JsonRecord, readJsonRecord } from './json-record.ts';
import { isDeploymentId } from './layout.ts';

/** An image that is not staged again until somebody allows it. */
export interface DeniedImage {
  /** Undefined where the origin file of its deployment could not be read. */
  readonly manifestDigest: string | undefined;
  readonly deployment: string;
  readonly image: string | undefined;
  readonly version: string | undefined;
  /** ISO time, UTC. */
  readonly since: string;
  /** What it did, one sentence. */
  readonly reason: string;
}

/** The oldest give way: a list that grows for ever is no use to anyone. */
const MAX_DENIED = 100;

/** Writes the list. A cut leaves the one before or the new one. */
export async function writeDenied(path: string, denied: readonly DeniedImage[]): Promise<void> {
  const kept = denied.slice(-MAX_DENIED);
  await writeFileDurably(path, formatJsonRecord({ version: 1, denied: kept }, 'indented'));
}

/** @throws SlipwayError STATE_INVALID when the record is damaged */
export async function readDenied(path: string): Promise<readonly DeniedImage[] | undefined> {
  return readJsonRecord(path, parseDenied);
}

/** What is known against an image, or against the deployment it gives; undefined when nothing is. */
export function denialOf(
  denied: readonly DeniedImage[],
  { manifestDigest, deployment }: { readonly manifestDigest?: string; readonly deployment?: string },
): DeniedImage | undefined {
  return denied.find(
    (one) =>
      (manifestDigest !== undefined && one.manifestDigest === manifestDigest) ||
      one.deployment === deployment,
  );
}

function parseDenied({ version, denied }: JsonRecord): readonly DeniedImage[] | undefined {
  if (version !== 1 || !Array.isArray(denied)) return undefined;
  const parsed = denied.slice(-MAX_DENIED).map((item) => parseOne(asJsonRecord(item) ?? {}));
  return parsed.some((one) => one === undefined) ? undefined : parsed.filter((one) => one !== undefined);
}

function parseOne(record: JsonRecord): DeniedImage | undefined {
  const { deployment, since, reason } = record;
  if (typeof deployment !== 'string' || !isDeploymentId(deployment)) return undefined;
  if (typeof since !== 'string' || typeof reason !== 'string') return undefined;
  const text = (key: string): string | undefined => {
    const value = record[key];
    return typeof value === 'string' ? value : undefined;
  };
  return {
    manifestDigest: text('manifestDigest'),
    deployment,
    image: text('image'),
    version: text('version'),
    since,
    reason,
  };
}
