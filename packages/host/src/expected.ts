/** What the next boot should bring up: `state/expected.json`. The boot after it compares and says what came of it. */
import { removeFileDurably, writeFileDurably } from '@slipway/boot';
import { formatJsonRecord, type JsonRecord, readJsonRecord } from './json-record.ts';
import { isDeploymentId } from './layout.ts';

/** What is expected of the next boot. */
export interface ExpectedBoot {
  readonly deployment: string;
  /** What was booted when it was decided: what to keep for going back. */
  readonly previous: string;
  readonly because: 'upgrade' | 'rollback';
  /** It came up once, and its boot attempts are still counted: it may fail its checks yet. */
  readonly seen?: boolean;
}

/** Writes the expectation. A cut leaves the one before or the new one; either only changes what is reported. */
export async function writeExpected(path: string, expected: ExpectedBoot): Promise<void> {
  await writeFileDurably(path, formatJsonRecord({ version: 1, ...expected }));
}

export async function removeExpected(path: string): Promise<void> {
  await removeFileDurably(path);
}

/** @throws SlipwayError STATE_INVALID when the record is damaged */
export async function readExpected(path: string): Promise<ExpectedBoot | undefined> {
  return readJsonRecord(path, parseExpected);
}

function parseExpected({ deployment, previous, because, seen }: JsonRecord): ExpectedBoot | undefined {
  if (typeof deployment !== 'string' || typeof previous !== 'string') return undefined;
  if (!isDeploymentId(deployment) || !isDeploymentId(previous)) return undefined;
  if (because !== 'upgrade' && because !== 'rollback') return undefined;
  return { deployment, previous, because, ...(seen === true ? { seen } : {}) };
}
