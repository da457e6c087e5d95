import type { HistoryRecord } from '@slipway/host';

/** One line a record: when, what, which deployment, and why where it says. */
export function historyWords(records: readonly HistoryRecord[]): readonly string[] {
  const width = Math.max(0, ...records.map(({ event }) => event.length));
  return records.map((record) =>
    [
      record.time,
      record.event.padEnd(width),
      record.deployment?.slice(0, 12) ?? '-',
      ...(record.version === undefined ? [] : [record.version]),
      ...(record.image === undefined ? [] : [record.image]),
      ...(record.reason === undefined ? [] : [`(${record.reason})`]),
    ].join('  '),
  );
}
