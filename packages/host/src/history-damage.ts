/** Lines of the history that are not as they were written: named, and put aside when a host is repaired. */
import { appendFile, readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { writeFileDurably } from '@slipway/boot';
import { errnoOf } from '@slipway/core';
import { parseJsonRecord } from './json-record.ts';
import { jsonSum } from './json-sum.ts';

/** Numbers of the damaged lines, from 1. What a power cut tore is none of them. */
export async function damagedHistoryLines(path: string): Promise<readonly number[]> {
  return (await linesOf(path)).flatMap((line, index) => (isDamaged(line) ? [index + 1] : []));
}

/**
 * Moves the damaged lines to `….damaged`. The one time the history is written anew: a cut leaves it as it was, or without them, and a line
 * that was moved may then be in both.
 *
 * @returns one sentence for people
 */
export async function setHistoryLinesAside(path: string): Promise<string> {
  const lines = await linesOf(path);
  const damaged = lines.filter(isDamaged);
  const aside = `${path}.damaged`;
  await appendFile(aside, damaged.map((line) => `${line}\n`).join(''), { flush: true });
  await writeFileDurably(path, lines.filter((line) => !isDamaged(line)).join('\n'));
  const what = damaged.length === 1 ? 'a line' : `${damaged.length} lines`;
  return `${what} of ${path} had been damaged, and went to ${basename(aside)}`;
}

/** A line that is torn has no end; one that rotted has, or is more than one that is whole. */
function isDamaged(line: string): boolean {
  if (jsonSum(line) === 'wrong' || jsonSum(line.slice(0, -1)) === 'right') return true;
  return line.endsWith('}') && parseJsonRecord(line) === undefined;
}

async function linesOf(path: string): Promise<readonly string[]> {
  try {
    return (await readFile(path, 'utf8')).split('\n');
  } catch (thrown) {
    if (errnoOf(thrown) === 'ENOENT') return [];
    throw thrown;
  }
}
