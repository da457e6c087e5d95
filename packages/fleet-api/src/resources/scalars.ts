import * as z from 'zod';

/** Name of a resource, as in a URL and on a command line: a DNS label or several, as Kubernetes has them. */
export const nameSchema: z.ZodString = z
  .string()
  .max(128)
  .regex(/^[a-z0-9]([a-z0-9._-]*[a-z0-9])?$/, 'must be lower-case letters, digits, dots and dashes');

/** One line of text a person wrote. */
export const lineSchema: z.ZodString = z
  .string()
  .max(1024)
  // oxlint-disable-next-line no-control-regex
  .regex(/^[^\u0000-\u001f\u007f]*$/u, 'must be one line without control characters');

/** Several lines a person or a program wrote. */
export const textSchema: z.ZodString = z.string().max(65_536);

/** ISO 8601 in UTC, as `Date.toISOString` writes it. */
export const timeSchema: z.ZodType<string> = z.iso.datetime();

/** `sha256:…` or `sha512:…`. */
export const digestSchema: z.ZodString = z
  .string()
  .regex(/^(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/, 'must be a digest, sha256:… in lower-case hex');

/** IANA name of a time zone. */
export const timeZoneSchema: z.ZodType<string> = z
  .string()
  .max(64)
  .refine(isTimeZone, 'must be the name of a time zone, such as Europe/Berlin');

/** Every report names one, and there are a few hundred of them in whatever spelling: asked about once. */
const timeZones = new Set<string>();
const MAX_TIME_ZONES = 1000;

function isTimeZone(name: string): boolean {
  if (timeZones.has(name)) return true;
  try {
    const isOne = new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== '';
    if (isOne && timeZones.size < MAX_TIME_ZONES) timeZones.add(name);
    return isOne;
  } catch {
    return false;
  }
}

/** Count of something: a whole number from zero. */
export const countSchema: z.ZodType<number> = z.int().min(0);

/** Seconds, whole, up to a year. */
export const secondsSchema: z.ZodType<number> = z.int().min(0).max(31_536_000);

/** Per cent, 0 to 100. */
export const percentSchema: z.ZodType<number> = z.number().min(0).max(100);
