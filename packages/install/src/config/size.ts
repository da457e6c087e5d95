const UNIT_BYTES: Readonly<Record<string, number | undefined>> = {
  '': 1,
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  tb: 1e12,
  k: 1024,
  m: 1024 ** 2,
  g: 1024 ** 3,
  t: 1024 ** 4,
  kib: 1024,
  mib: 1024 ** 2,
  gib: 1024 ** 3,
  tib: 1024 ** 4,
};

/** What {@link sizeBytesOf} reads, for a schema. */
export const SIZE_PATTERN: RegExp = /^\s*\d+(?:\.\d+)?\s*(?:[kmgt]?b|[kmgt]i?b?)?\s*$/i;

/** The bytes of `10 GiB`, `512MB`, `4096`; undefined when it is no size of a disk. */
export function sizeBytesOf(text: string): number | undefined {
  const found = /^\s*(?<count>\d+(?:\.\d+)?)\s*(?<unit>[a-z]*)\s*$/i.exec(text)?.groups;
  const unit = UNIT_BYTES[(found?.['unit'] ?? '?').toLowerCase()];
  if (unit === undefined) return undefined;
  const bytes = Number(found?.['count']) * unit;
  return Number.isInteger(bytes) && Number.isSafeInteger(bytes) ? bytes : undefined;
}
