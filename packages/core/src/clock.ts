/** The time, passed in where a test needs to replace it. */
export interface Clock {
  /** Milliseconds since 1970 UTC. */
  nowMs(): number;
}

/** The clock of the machine. */
export const systemClock: Clock = { nowMs: () => Date.now() };

/** An ISO 8601 UTC time with seconds, the form every record of Slipway uses. */
export function isoTime(clock: Clock): string {
  return new Date(clock.nowMs()).toISOString().replace(/\.\d+Z$/, 'Z');
}
