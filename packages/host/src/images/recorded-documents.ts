/** Manifest and configuration a deployment's image came with, as the store recorded them. */
import { configStreamName, manifestStreamName, type Repository } from '@slipway/composefs';
import { isSlipwayError, type Logger, messageOf } from '@slipway/core';
import { asJsonRecord, type JsonRecord, parseJsonRecord } from '../json-record.ts';

/** Manifest and configuration are far smaller. */
export const DOCUMENT_LIMIT_BYTES: number = 16 * 1024 * 1024;

/** Undefined where the store has no record of them. */
export function recordedConfig(
  repository: Repository,
  manifestDigest: string | undefined,
  log: Logger,
): JsonRecord | undefined {
  if (manifestDigest === undefined) return undefined;
  try {
    const manifest = readDocument(repository, manifestStreamName(manifestDigest));
    const digest = asJsonRecord(manifest?.['config'])?.['digest'];
    return typeof digest === 'string' ? readDocument(repository, configStreamName(digest)) : undefined;
  } catch (thrown) {
    if (!isSlipwayError(thrown)) throw thrown;
    log.warn('the configuration of the image cannot be read', { reason: messageOf(thrown) });
    return undefined;
  }
}

/** What the image calls its version; undefined where the store does not know, or the image does not say. */
export function recordedVersion(
  repository: Repository,
  manifestDigest: string | undefined,
  log: Logger,
): string | undefined {
  const config = asJsonRecord(recordedConfig(repository, manifestDigest, log)?.['config']);
  const version = asJsonRecord(config?.['Labels'])?.['org.opencontainers.image.version'];
  return typeof version === 'string' && version !== '' ? version : undefined;
}

function readDocument(repository: Repository, name: string): JsonRecord | undefined {
  const bytes = repository.readDocument(name, DOCUMENT_LIMIT_BYTES);
  return bytes === undefined ? undefined : parseJsonRecord(bytes.toString('utf8'));
}
