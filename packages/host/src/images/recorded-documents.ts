/** Manifest and configuration a deployment's image came with, as the store recorded them. */
import { configStreamName, manifestStreamName, type Repository } from '@slipway/composefs';
import { isSlipwayError, type Logger, messageOf } from '@slipway/core';
import { asJsonRecord, type JsonRecord, parseJsonRecord } from '../json-record.ts';

/** Both are far smaller. */
const DOCUMENT_LIMIT_BYTES = 16 * 1024 * 1024;

/** Undefined where the store has no record of them, as of what another program brought. */
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

function readDocument(repository: Repository, name: string): JsonRecord | undefined {
  const record = repository.readStream(name);
  if (record === undefined) return undefined;
  const chunks: Buffer[] = [];
  let bytes = 0;
  for (const chunk of record.payload()) {
    bytes += chunk.length;
    if (bytes > DOCUMENT_LIMIT_BYTES) return undefined;
    chunks.push(chunk);
  }
  return parseJsonRecord(Buffer.concat(chunks).toString('utf8'));
}
