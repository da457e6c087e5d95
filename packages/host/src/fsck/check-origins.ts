/** Origin files that are gone or not as they were written, put together again from the history and the store. */
import { readFile } from 'node:fs/promises';
import { SUM_LEADS, textSum, writeFileDurably } from '@slipway/boot';
import { openRepository } from '@slipway/composefs';
import { errnoOf, isSlipwayError, type Logger } from '@slipway/core';
import { parseReference } from '@slipway/oci';
import type { Deployment } from '../deployment.ts';
import { during } from '../failure.ts';
import { type HistoryRecord, readHistory } from '../history.ts';
import { type ImageSpec, imageSpecOf, referenceOf } from '../image-spec.ts';
import { recordedConfig } from '../images/recorded-documents.ts';
import { formatOrigin, type Origin } from '../origin.ts';
import type { HostSystem } from '../system.ts';
import { parseTrust } from '../trust.ts';
import type { HostFinding } from './finding.ts';
import { pairOfImage } from './kernel-place.ts';

/**
 * Finds origin files that are missing, unreadable, or changed since they were written. Repair writes what the history says of the
 * deployment, what the store holds of its image, and of signatures only what is certain.
 *
 * A cut leaves the damaged file or the new one.
 */
export async function checkOrigins(
  system: HostSystem,
  deployments: readonly Deployment[],
  repair: boolean,
  log: Logger,
): Promise<readonly HostFinding[]> {
  const findings: HostFinding[] = [];
  for (const deployment of deployments) {
    const { id, origin } = deployment;
    const path = system.layout.deployment(id).origin;
    const text = await textOf(path);
    if (origin !== undefined && text !== undefined && textSum(text, SUM_LEADS.origin) !== 'wrong') continue;
    const known = repair ? await knownOrigin(system, deployment, deployments, log) : undefined;
    if (known !== undefined) {
      const whole = withCertainTrust(known, text ?? '', deployments);
      await during('write the origin file', path, () => writeFileDurably(path, whole));
    }
    const what = text === undefined ? 'it is missing' : 'it is not as it was written';
    const message = known !== undefined || !repair ? what : `${what}; ${WHAT_TO_DO}`;
    findings.push({
      part: 'deployment',
      kind: 'origin-damaged',
      name: path,
      message,
      repaired: known !== undefined,
    });
  }
  return findings;
}

const WHAT_TO_DO =
  'the history no longer says which image it came from: switch to the image again, or delete the deployment';

/** Undefined where the history does not tell which image it was. */
async function knownOrigin(
  system: HostSystem,
  { id, origin }: Deployment,
  deployments: readonly Deployment[],
  log: Logger,
): Promise<Origin | undefined> {
  const repository = await openRepository(system.layout.composefs);
  const all = await readHistory(system.layout.history, Number.MAX_SAFE_INTEGER);
  const records = all.filter(
    ({ deployment, image, manifestDigest }) =>
      deployment === id && image !== undefined && manifestDigest !== undefined,
  );
  // A line of the history may be damaged as well: one whose image the store knows is right.
  const isKnown = ({ manifestDigest }: HistoryRecord): boolean =>
    recordedConfig(repository, manifestDigest, log) !== undefined;
  const record = records.findLast(isKnown) ?? records.at(-1);
  const others = deployments.flatMap((one) => one.origin?.image ?? []);
  const image = imageOf(record?.image ?? '', origin === undefined ? others : [origin.image, ...others]);
  if (record === undefined || image === undefined) return undefined;
  const { manifestDigest, version } = record;
  const config = recordedConfig(repository, manifestDigest, log);
  const pair = await pairOfImage(system, id);
  return {
    image,
    bootType: 'bls',
    bootDigest: pair?.digest,
    manifestDigest,
    version,
    timestamp: textIn(config?.['created']),
    architecture: textIn(config?.['architecture']),
  };
}

/** The history names an image without how it is reached; an origin of the same image says that, else it is in a registry. */
function imageOf(image: string, known: readonly ImageSpec[]): ImageSpec | undefined {
  const same = known.find((one) => one.image === image && canBeFollowed(one));
  if (same !== undefined) return same;
  try {
    return image === '' || image.startsWith('/') ? undefined : imageSpecOf(parseReference(image));
  } catch (thrown) {
    if (!isSlipwayError(thrown)) throw thrown;
    return undefined;
  }
}

function canBeFollowed(spec: ImageSpec): boolean {
  try {
    referenceOf(spec);
    return true;
  } catch (thrown) {
    if (!isSlipwayError(thrown)) throw thrown;
    return false;
  }
}

/**
 * Who signed is in the origin file alone. What it still says of that, or another deployment of the host, counts only where the
 * checksum shows that it is what was written.
 */
function withCertainTrust(known: Origin, text: string, others: readonly Deployment[]): string {
  const own = parseTrust(/^trust=(?<trust>.*)$/m.exec(text)?.groups?.['trust']);
  const candidates = [own, ...others.map(({ origin }) => origin?.trust)];
  const certain = candidates
    .map((trust) => formatOrigin({ ...known, trust }))
    .find((whole) => isNearly(lastLine(whole), lastLine(text)));
  return certain ?? formatOrigin(known);
}

/** The sum of another text would differ everywhere; a damaged line differs where it was damaged. */
function isNearly(one: string, other: string): boolean {
  const different = Array.from(one).filter((character, index) => character !== other[index]);
  return different.length <= MOST_DAMAGED;
}

const MOST_DAMAGED = 4;

function lastLine(text: string): string {
  return text.slice(-(SUM_LEADS.origin.length + 65));
}

function textIn(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

async function textOf(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (thrown) {
    if (errnoOf(thrown) === 'ENOENT') return undefined;
    throw thrown;
  }
}
