/** The update that the next shutdown will finish: `state/staged.json`, on disk, so that a power cut does not lose it. */
import { type OptionSources, removeFileDurably, writeFileDurably } from '@slipway/boot';
import type { EtcConflict } from './etc-merge/plan.ts';
import { asJsonRecord, formatJsonRecord, type JsonRecord, readJsonRecord } from './json-record.ts';
import { isDeploymentId } from './layout.ts';

/** What to do where the machine and the image changed the same thing in `/etc`. */
export type EtcPolicy = 'ours' | 'theirs' | 'fail';

/** A staged update. Its image is in the store, its kernel on the ESP, its origin file written; nothing boots it yet. */
export interface StagedUpdate {
  readonly deployment: string;
  /** What was booted when it was staged. */
  readonly previous: string;
  /** Of the boot entry to write. */
  readonly sequence: number;
  readonly title: string;
  readonly kernelDirectory: string;
  /** The kernel command line. */
  readonly options: string;
  /** Which of its arguments belong to whom; nothing where nobody owns any. */
  readonly optionSources?: OptionSources;
  readonly etcPolicy: EtcPolicy;
  /** Those a merge at the time of staging met. */
  readonly etcConflicts: readonly EtcConflict[];
  /** It waits until somebody asks for it: no shutdown finishes it. */
  readonly downloadOnly?: boolean;
  /** ISO time, UTC. */
  readonly stagedAt: string;
  /** The kernel's id of the boot it was staged in. */
  readonly boot: string;
  /** Why the last attempt to finish it failed. */
  readonly failure?: { readonly code: string; readonly message: string; readonly at: string };
}

const FORMAT_VERSION = 1;
const CONFLICT_KINDS = [
  'both-changed',
  'deleted-here',
  'removed-by-image',
  'type-changed',
  'id-taken',
] as const;
const POLICIES = ['ours', 'theirs', 'fail'] as const;

/** Writes the record. A cut leaves the one before or the new one. */
export async function writeStaged(path: string, staged: StagedUpdate): Promise<void> {
  await writeFileDurably(path, formatJsonRecord({ version: FORMAT_VERSION, ...staged }, 'indented'));
}

/** Takes the record away. A cut leaves it or not. */
export async function removeStaged(path: string): Promise<void> {
  await removeFileDurably(path);
}

/** @throws SlipwayError STATE_INVALID when the record is damaged or of a newer version */
export async function readStaged(path: string): Promise<StagedUpdate | undefined> {
  return readJsonRecord(path, parseStaged);
}

function parseStaged(record: JsonRecord): StagedUpdate | undefined {
  const { deployment, previous, sequence, title, kernelDirectory, options, stagedAt, boot } = record;
  const etcPolicy = POLICIES.find((policy) => policy === record['etcPolicy']);
  const failure = parseFailure(record['failure']);
  if (record['version'] !== FORMAT_VERSION || etcPolicy === undefined) return undefined;
  if (typeof deployment !== 'string' || typeof previous !== 'string') return undefined;
  if (!isDeploymentId(deployment) || !isDeploymentId(previous)) return undefined;
  if (typeof sequence !== 'number' || !Number.isSafeInteger(sequence) || sequence < 1) return undefined;
  if (typeof title !== 'string' || typeof kernelDirectory !== 'string') return undefined;
  if (typeof options !== 'string' || typeof stagedAt !== 'string' || typeof boot !== 'string')
    return undefined;
  return {
    deployment,
    previous,
    sequence,
    title,
    kernelDirectory,
    options,
    etcPolicy,
    etcConflicts: parseConflicts(record['etcConflicts']),
    stagedAt,
    boot,
    ...parseSources(record['optionSources']),
    ...(record['downloadOnly'] === true ? { downloadOnly: true } : {}),
    ...(failure === undefined ? {} : { failure }),
  };
}

function parseSources(value: unknown): Pick<StagedUpdate, 'optionSources'> {
  const pairs = Object.entries(asJsonRecord(value) ?? {}).flatMap(([name, options]) =>
    typeof options === 'string' ? [[name, options] as const] : [],
  );
  return pairs.length === 0 ? {} : { optionSources: Object.fromEntries(pairs) };
}

function parseConflicts(value: unknown): readonly EtcConflict[] {
  if (!Array.isArray(value)) return [];
  return value.flatMap((item) => {
    const { path, kind, account } = asJsonRecord(item) ?? {};
    const whose = typeof account === 'string' ? { account } : {};
    const known = CONFLICT_KINDS.find((name) => name === kind);
    return typeof path === 'string' && known !== undefined ? [{ path, kind: known, ...whose }] : [];
  });
}

function parseFailure(value: unknown): StagedUpdate['failure'] {
  const { code, message, at } = asJsonRecord(value) ?? {};
  if (typeof code !== 'string' || typeof message !== 'string' || typeof at !== 'string') return undefined;
  return { code, message, at };
}
