import { SlipwayError } from '@slipway/core';

/** A name held as latin1 bytes, for people: UTF-8 where it is, quoted, cut when very long. */
export function quoteName(name: string): string {
  const text = JSON.stringify(Buffer.from(name, 'latin1').toString('utf8'));
  return text.length <= 300 ? text : `${text.slice(0, 300)}…"`;
}

/** The error of a damaged or hostile archive. `entry` is the member it is about, undefined before its name is known. */
export function tarError(
  problem: string,
  offsetBytes: number,
  entry?: string,
  cause?: unknown,
): SlipwayError {
  const where = entry === undefined ? '' : ` entry ${quoteName(entry)}:`;
  return new SlipwayError('OCI_TAR_INVALID', `cannot read the archive:${where} ${problem}`, {
    hint: 'the layer is damaged or was made by a faulty tool: build or pull the image again',
    details: { offsetBytes, ...(entry === undefined ? {} : { entry: quoteName(entry) }) },
    cause,
  });
}
