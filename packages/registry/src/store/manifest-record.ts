/** What a repository writes down of a manifest, so that lists need not read it again. */

import { type Digest, isDigest } from '@slipway/oci';

/** The record of a manifest or index in one repository. */
export interface ManifestRecord {
  /** As the client called it: what a pull answers. */
  readonly mediaType: string;
  readonly sizeBytes: number;
  readonly subject?: Digest;
  /** What the referrers list says it is: its `artifactType`, else the type of its configuration. */
  readonly artifactType?: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** The record as text. */
export function formatRecord(record: ManifestRecord): string {
  return `${JSON.stringify(record)}\n`;
}

/** Reads a record; undefined when it is none: who can write to the directory can write anything. */
export function parseRecord(text: string): ManifestRecord | undefined {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isObject(json)) return undefined;
  const { mediaType, sizeBytes, subject, artifactType, annotations } = json;
  if (typeof mediaType !== 'string' || !Number.isSafeInteger(sizeBytes)) return undefined;
  return {
    mediaType,
    sizeBytes: Number(sizeBytes),
    ...(typeof subject === 'string' && isDigest(subject) ? { subject } : {}),
    ...(typeof artifactType === 'string' ? { artifactType } : {}),
    ...(isStrings(annotations) ? { annotations } : {}),
  };
}

/** Whether something is a JSON object. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Whether something is a JSON object of strings. */
export function isStrings(value: unknown): value is Readonly<Record<string, string>> {
  return isObject(value) && Object.values(value).every((item) => typeof item === 'string');
}
