import { SlipwayError } from '@slipway/core';

const SIZE_UNITS: Readonly<Record<string, number>> = {
  '': 1,
  b: 1,
  k: 2 ** 10,
  kib: 2 ** 10,
  kb: 1e3,
  m: 2 ** 20,
  mib: 2 ** 20,
  mb: 1e6,
  g: 2 ** 30,
  gib: 2 ** 30,
  gb: 1e9,
  t: 2 ** 40,
  tib: 2 ** 40,
  tb: 1e12,
};

/**
 * A size in bytes: `10G` and `10GiB` are 10 x 2^30 as qemu-img and truncate read them, `10GB` is 10 x 10^9.
 *
 * @throws SlipwayError USAGE for anything that is not a positive whole number of bytes
 */
export function parseSizeBytes(text: string, optionName: string): number {
  const match = /^(?<number>\d+(?:\.\d+)?)\s*(?<unit>[a-z]*)$/i.exec(text.trim());
  const scale = SIZE_UNITS[match?.groups?.['unit']?.toLowerCase() ?? '?'];
  const bytes = Number(match?.groups?.['number']) * (scale ?? Number.NaN);
  if (!Number.isSafeInteger(bytes) || bytes <= 0) {
    throw badValue(optionName, text, 'a size is a number and a unit, such as 10G, 512MiB or 20GB');
  }
  return bytes;
}

/** Reads whole numbers between two bounds. */
export function wholeNumber(lowest: number, highest: number): (text: string, optionName: string) => number {
  return (text, optionName) => {
    const parsed = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
    if (!(parsed >= lowest && parsed <= highest)) {
      throw badValue(optionName, text, `give a whole number from ${lowest} to ${highest}`);
    }
    return parsed;
  };
}

/** `NAME=VALUE`; the value may be empty and may hold more `=`. */
export function parseNameValue(text: string, optionName: string): readonly [name: string, value: string] {
  const at = text.indexOf('=');
  if (at < 1) throw badValue(optionName, text, 'give it as NAME=VALUE');
  return [text.slice(0, at), text.slice(at + 1)];
}

/** The architecture of `linux/ARCH`, `linux/ARCH/VARIANT` or `ARCH`: images are for Linux. */
export function parsePlatform(text: string, optionName: string): string {
  const match = /^(?:linux\/)?(?<architecture>[a-z][a-z0-9_]{1,30})(?:\/v[0-9]+)?$/.exec(text);
  const architecture = match?.groups?.['architecture'];
  if (architecture === undefined || architecture === 'linux') {
    throw badValue(optionName, text, 'give it as linux/amd64 or linux/arm64');
  }
  return architecture;
}

/** Where a server listens. */
export interface HostPort {
  readonly host: string;
  readonly port: number;
}

/** `HOST:PORT` or `[IPV6]:PORT`; port 0 is one that is free. */
export function parseHostPort(text: string, optionName: string): HostPort {
  const groups = /^(?:\[(?<v6>[0-9A-Fa-f:.%a-z]+)\]|(?<host>[^\s:[\]]+)):(?<port>\d{1,5})$/.exec(
    text,
  )?.groups;
  const host = groups?.['v6'] ?? groups?.['host'];
  const port = Number(groups?.['port']);
  if (host === undefined || port > 65_535) {
    throw badValue(optionName, text, 'give it as HOST:PORT, such as 127.0.0.1:5000 or [::1]:5000');
  }
  return { host, port };
}

/** The error for a value that does not fit its option. */
export function badValue(optionName: string, text: string, hint: string): SlipwayError {
  return new SlipwayError('USAGE', `cannot use '${text}' for ${optionName}`, {
    hint,
    details: { option: optionName, value: text },
  });
}
