const FIRST_MS = 1000;
const LONGEST_MS = 300_000;

/** The time between two check-ins, spread by a tenth, so that hosts that started together do not stay together. */
export function spread(ms: number, random: number): number {
  return Math.round(ms * (0.9 + random * 0.2));
}

/** Time before the next try after so many in a row that failed: doubles up to five minutes, anywhere in its second half. */
export function backOff(failures: number, random: number): number {
  const fullMs = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(failures, 20));
  return Math.round(fullMs * (0.5 + random / 2));
}
