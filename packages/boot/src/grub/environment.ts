/**
 * GRUB's environment block: 1024 bytes of `name=value` lines that GRUB can write although it writes no file system, because the
 * sectors of the file stay where they are. Here they count boot attempts, as file names do where systemd-boot counts.
 */
import { SlipwayError } from '@slipway/core';
import type { BootCounter } from '../entry-name.ts';
import { ENVIRONMENT_BYTES, ENVIRONMENT_HEADER } from './format.ts';

/** Counters by the base of an entry's name (`slipway-3`). */
export type GrubCounters = ReadonlyMap<string, BootCounter>;

const VARIABLE = /^tries_(?<name>(?:[A-Za-z0-9]|_[0-9a-f]{2})+)$/;
const COUNTER = /^(?<left>\d{1,3})-(?<done>\d{1,4})$/;

/** The variable of an entry: GRUB's names have letters, digits and `_`, which stands here for the code of any other character. */
export function counterVariable(base: string): string {
  const encode = (character: string): string => `_${character.charCodeAt(0).toString(16).padStart(2, '0')}`;
  return `tries_${base.replaceAll(/[^A-Za-z0-9]/g, encode)}`;
}

/** A counter as GRUB keeps it, and as it stands in the name of an entry. */
export function formatCounter({ triesLeft, triesDone }: BootCounter): string {
  return `${triesLeft}-${triesDone}`;
}

/**
 * The counters in a block; what else stands there is passed over.
 *
 * @returns undefined when it is no environment block: GRUB would not write to it either
 */
export function parseGrubCounters(block: Uint8Array): GrubCounters | undefined {
  const text = Buffer.from(block).toString('latin1');
  if (block.length !== ENVIRONMENT_BYTES || !text.startsWith(ENVIRONMENT_HEADER)) return undefined;
  const counters = new Map<string, BootCounter>();
  for (const line of text.split('\n')) {
    const equals = line.indexOf('=');
    const name = VARIABLE.exec(line.slice(0, Math.max(0, equals)))?.groups?.['name'];
    const counter = COUNTER.exec(line.slice(equals + 1))?.groups;
    if (name === undefined || counter === undefined) continue;
    counters.set(decodeName(name), {
      triesLeft: Number(counter['left']),
      triesDone: Number(counter['done']),
    });
  }
  return counters;
}

/**
 * A block with these counters.
 *
 * @throws SlipwayError GRUB_INVALID when they do not fit
 */
export function formatGrubCounters(counters: GrubCounters): Buffer {
  const lines = [...counters].map(
    ([base, counter]) => `${counterVariable(base)}=${formatCounter(counter)}\n`,
  );
  const text = `${ENVIRONMENT_HEADER}${lines.join('')}`;
  if (text.length > ENVIRONMENT_BYTES) {
    throw new SlipwayError(
      'GRUB_INVALID',
      `cannot keep ${counters.size} boot counters for GRUB: ${ENVIRONMENT_BYTES} bytes hold them all`,
    );
  }
  return Buffer.from(text.padEnd(ENVIRONMENT_BYTES, '#'), 'latin1');
}

/** Counters only go down, whoever counts: the one with fewer attempts left is the later one. */
export function laterCounter(one: BootCounter, other: BootCounter | undefined): BootCounter {
  if (other === undefined || other.triesLeft > one.triesLeft) return one;
  if (other.triesLeft < one.triesLeft) return other;
  return other.triesDone > one.triesDone ? other : one;
}

function decodeName(name: string): string {
  return name.replaceAll(/_([0-9a-f]{2})/g, (_, code: string) =>
    String.fromCharCode(Number.parseInt(code, 16)),
  );
}
