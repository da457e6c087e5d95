import { changedCharacters, SlipwayError } from '@slipway/core';
import type { VerityAlgorithm } from '../verity/algorithm.ts';

/** What is asked of fs-verity: fail without it, use it where the file system has it, or never. */
export type VerityPolicy = 'require' | 'try' | 'none';

/** What `meta.json` says: decided once, when the repository is made. */
export interface RepositoryMeta {
  readonly algorithm: VerityAlgorithm;
  /** Undefined in a repository made by another program, which does not say. */
  readonly verity: VerityPolicy | undefined;
}

/** `meta.json` is small; anything longer is not one. */
export const META_LIMIT_BYTES: number = 64 * 1024;

const ALGORITHMS: Readonly<Record<string, VerityAlgorithm>> = {
  'fsverity-sha256-12': 'sha256',
  'fsverity-sha512-12': 'sha512',
};
const POLICY_FEATURE = /^slipway_verity_(?<policy>require|try|none)$/;
/** Features that forbid writing to whoever does not know them; these are known. */
const KNOWN_READ_ONLY_FEATURES: readonly string[] = ['v1_erofs'];

/** The text of `meta.json`, in the form composefs-rs 0.9 writes (composefs-format section 13). */
export function formatMeta(meta: RepositoryMeta): string {
  const document = {
    version: 1,
    algorithm: `fsverity-${meta.algorithm}-12`,
    features: {
      // A feature every program may ignore is the one place a foreign reader is bound to accept.
      compatible: meta.verity === undefined ? [] : [`slipway_verity_${meta.verity}`],
      'read-only-compatible': KNOWN_READ_ONLY_FEATURES,
      incompatible: [],
    },
    erofs_formats: { default: 1, extra: [] },
  };
  return `${JSON.stringify(document)}\n`;
}

/**
 * Reads `meta.json`.
 *
 * @param path of the repository, for the message
 * @throws SlipwayError REPOSITORY_INVALID when it does not parse, or asks for features not known here
 */
export function parseMeta(text: string, path: string): RepositoryMeta {
  if (nearestMetas(text).length > 0) {
    throw new SlipwayError('REPOSITORY_INVALID', `cannot use ${path} as an object store: ${META_DAMAGED}`, {
      hint: 'slipway fsck --repair puts it right on a host',
      details: { path },
    });
  }
  const document = parseObject(text, path);
  const { version, algorithm: name, features = {} } = document;
  if (version !== 1) throw invalid(path, `version ${JSON.stringify(version)} is not 1`);
  const algorithm = typeof name === 'string' ? ALGORITHMS[name] : undefined;
  if (algorithm === undefined) throw invalid(path, `algorithm ${JSON.stringify(name)} is not known`);
  if (!isRecord(features)) throw invalid(path, 'features is not an object');
  refuseUnknown(path, featureList(path, features, 'incompatible'), []);
  refuseUnknown(path, featureList(path, features, 'read-only-compatible'), KNOWN_READ_ONLY_FEATURES);
  return { algorithm, verity: policyOf(featureList(path, features, 'compatible')) };
}

/** What is wrong with a text that is nearly one that is written here. */
export const META_DAMAGED = 'its meta.json is not as it was written';

/**
 * Of what is written here, that which a text was before it was damaged; nothing for a text that is as it was written, and for what another
 * program wrote. There are so few that no sum is needed.
 */
export function nearestMetas(text: string): readonly RepositoryMeta[] {
  const all = Object.values(ALGORITHMS).flatMap((algorithm) =>
    POLICIES.map((verity): RepositoryMeta => ({ algorithm, verity })),
  );
  if (all.some((meta) => formatMeta(meta) === text)) return [];
  return all.filter((meta) => isNear(text, formatMeta(meta)));
}

const POLICIES: readonly VerityPolicy[] = ['require', 'try', 'none'];
const MOST_DAMAGED = 4;

function isNear(text: string, whole: string): boolean {
  if (Math.abs(text.length - whole.length) > MOST_DAMAGED) return false;
  return changedCharacters(whole, text) <= MOST_DAMAGED;
}

function policyOf(features: readonly string[]): VerityPolicy | undefined {
  for (const feature of features) {
    const policy = POLICY_FEATURE.exec(feature)?.groups?.['policy'];
    if (policy !== undefined) return policy as VerityPolicy;
  }
  return undefined;
}

function featureList(path: string, features: Record<string, unknown>, key: string): readonly string[] {
  const list = features[key] ?? [];
  if (Array.isArray(list) && list.every((feature) => typeof feature === 'string')) return list;
  throw invalid(path, `features.${key} is not a list of names`);
}

function refuseUnknown(path: string, features: readonly string[], known: readonly string[]): void {
  const unknown = features.find((feature) => !known.includes(feature));
  if (unknown !== undefined) throw invalid(path, `it needs the feature ${JSON.stringify(unknown)}`);
}

function parseObject(text: string, path: string): Record<string, unknown> {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (cause) {
    throw invalid(path, 'meta.json is not JSON', cause);
  }
  if (!isRecord(document)) throw invalid(path, 'meta.json is not an object');
  return document;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function invalid(path: string, reason: string, cause?: unknown): SlipwayError {
  return new SlipwayError('REPOSITORY_INVALID', `cannot use ${path} as an object store: ${reason}`, {
    hint: 'use a directory made by this version, or a newer version of slipway',
    details: { path },
    cause,
  });
}
