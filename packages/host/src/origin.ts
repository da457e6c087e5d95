/**
 * The origin file of a deployment: where it came from. INI as bootc's composefs backend writes it; the section `[slipway]`
 * adds what a status needs without opening the object store.
 */
import { SUM_LEADS, withTextSum } from '@slipway/boot';
import { SlipwayError } from '@slipway/core';
import { formatContainerReference, type ImageSpec, parseContainerReference } from './image-spec.ts';
import { type DeploymentTrust, formatTrust, parseTrust } from './trust.ts';

/** Where a deployment came from. */
export interface Origin {
  readonly image: ImageSpec;
  readonly bootType: 'bls' | 'uki';
  /** Hex of sha256(linux || initrd). */
  readonly bootDigest: string | undefined;
  readonly manifestDigest: string | undefined;
  /** `org.opencontainers.image.version` of the image. */
  readonly version: string | undefined;
  /** When the image was made, ISO. */
  readonly timestamp: string | undefined;
  /** As Go writes it. */
  readonly architecture: string | undefined;
  /** Undefined: nobody looked, as before Slipway did. */
  readonly trust?: DeploymentTrust | undefined;
}

/** Larger files are not origins. */
export const ORIGIN_MAX_BYTES: number = 64 * 1024;

/** The text of an origin file; its last line, of our own section, tells whether it is still as it was written. */
export function formatOrigin(origin: Origin): string {
  const sections: readonly (readonly [string, readonly (readonly [string, string | undefined])[]])[] = [
    ['origin', [['container-image-reference', formatContainerReference(origin.image)]]],
    [
      'boot',
      [
        ['boot_type', origin.bootType],
        ['digest', origin.bootDigest],
      ],
    ],
    ['image', [['manifest_digest', origin.manifestDigest]]],
    [
      'slipway',
      [
        ['version', origin.version],
        ['timestamp', origin.timestamp],
        ['architecture', origin.architecture],
        ['trust', origin.trust === undefined ? undefined : formatTrust(origin.trust)],
      ],
    ],
  ];
  const text = sections.map(([name, pairs]) => `[${name}]\n${pairs.map(formatPair).join('')}`).join('\n');
  return withTextSum(text, SUM_LEADS.origin);
}

/**
 * Reads an origin file; unknown sections and keys are passed over.
 *
 * @param source what to call it in an error
 * @throws SlipwayError STATE_INVALID when it does not name an image
 */
export function parseOrigin(text: string, source: string): Origin {
  const values = parseIni(text);
  const reference = values.get('origin.container-image-reference');
  const image = reference === undefined ? undefined : parseContainerReference(reference);
  if (image === undefined) {
    throw new SlipwayError(
      'STATE_INVALID',
      `cannot read ${source}: it does not say which image it came from`,
      {
        hint: 'switch to the image again to write it anew',
      },
    );
  }
  const trust = parseTrust(values.get('slipway.trust'));
  return {
    image,
    bootType: values.get('boot.boot_type') === 'uki' ? 'uki' : 'bls',
    bootDigest: values.get('boot.digest'),
    manifestDigest: values.get('image.manifest_digest'),
    version: values.get('slipway.version'),
    timestamp: values.get('slipway.timestamp'),
    architecture: values.get('slipway.architecture'),
    ...(trust === undefined ? {} : { trust }),
  };
}

/** Values come from image labels, which may hold anything: one line each. */
function formatPair([key, value]: readonly [string, string | undefined]): string {
  if (value === undefined) return '';
  return `${key}=${value.replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ').trim()}\n`;
}

function parseIni(text: string): ReadonlyMap<string, string> {
  const values = new Map<string, string>();
  let section = '';
  for (const rawLine of text.slice(0, ORIGIN_MAX_BYTES).split('\n')) {
    const line = rawLine.trim();
    const header = /^\[([^\]]+)\]$/.exec(line)?.[1];
    if (header !== undefined) section = header;
    const [, key, value] = /^([A-Za-z0-9_.-]+)\s*=\s*(.*)$/.exec(line) ?? [];
    if (key !== undefined && value !== undefined && value !== '') values.set(`${section}.${key}`, value);
  }
  return values;
}
