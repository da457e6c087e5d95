import { SlipwayError } from '@slipway/core';
import type { Metadata } from '../tree.ts';
import { isCString, latin1Of } from './byte-string.ts';
import { digestValueText, METACOPY } from './digest-value.ts';
import { type FormatVersion, LIMITS, OVERLAY } from './format.ts';
import { type ObjectContent, objectPathOf } from './object-path.ts';

/**
 * Which attributes end up on an inode (composefs-format sections 4 and 6). Values are bytes as latin1
 * strings, which makes them map keys and sortable in byte order.
 */
export type Attributes = Map<string, string>;

/** One attribute. */
export type AttributePair = readonly [key: string, value: string];

const NONE: readonly AttributePair[] = [];

/** Marks a leaf as a whiteout. */
export function markWhiteout(attributes: Attributes): void {
  attributes.set(OVERLAY.escapedWhiteout, '');
  attributes.set(OVERLAY.userWhiteout, '');
}

/** A node's own attributes, those the overlay would act on escaped one level deeper. Keys are distinct. */
export function escapedPairs(xattrs: Metadata['xattrs']): readonly AttributePair[] {
  if (xattrs.size === 0) return NONE;
  const pairs: AttributePair[] = [];
  for (const [key, value] of xattrs) {
    const escaped = key.startsWith(OVERLAY.prefix)
      ? OVERLAY.escapedPrefix + key.slice(OVERLAY.prefix.length)
      : key;
    pairs.push([escaped, latin1Of(value)]);
  }
  return pairs;
}

/** Marks a directory that holds whiteouts. */
export function markWhiteoutParent(attributes: Attributes, formatVersion: FormatVersion): void {
  attributes.set(OVERLAY.escapedWhiteouts, '');
  attributes.set(OVERLAY.userWhiteouts, '');
  if (formatVersion >= 1) {
    attributes.set(OVERLAY.escapedOpaque, 'x');
    attributes.set(OVERLAY.userOpaque, 'x');
  }
}

/**
 * What tells the overlay where the bytes of a file are, and their digest, where the path is not the one the digest
 * implies. The tree has neither key: its own were escaped.
 */
export function unusualObject(content: ObjectContent, path: () => string): readonly AttributePair[] {
  const { digest } = content;
  const metacopy = digest === undefined ? '' : digestValueText(METACOPY, digest);
  const pairs: AttributePair[] = [[OVERLAY.metacopy, metacopy]];
  const payload = objectPathOf(content);
  if (payload.length > LIMITS.payloadBytes || !isCString(payload)) {
    throw refused(path(), 'its object has no valid path');
  }
  if (payload !== '') pairs.push([OVERLAY.redirect, `/${payload}`]);
  return pairs;
}

/** The problem of a node that no image can hold. */
export function refused(path: string, why: string): SlipwayError {
  return new SlipwayError('TREE_INVALID', `cannot write ${path} into an image: ${why}`, {
    details: { path },
  });
}
