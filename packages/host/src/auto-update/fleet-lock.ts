/**
 * A client of FleetLock, version 1: a host asks before it reboots by itself, and says when it is steady again, so that of a fleet
 * only so many reboot at once. Servers: airlock, poseidon/fleetlock and others; the protocol is that of zincati.
 */
import { createHmac } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { removeFileDurably, writeFileDurably } from '@slipway/boot';
import { isoTime, messageOf, type OperationOptions, operation, SlipwayError } from '@slipway/core';
import { asJsonRecord, formatJsonRecord, parseJsonRecord } from '../json-record.ts';
import type { HostSystem } from '../system.ts';

/** Where to ask. */
export interface FleetLock {
  /** Ends with a slash where it has a path. */
  readonly url: string;
  readonly group: string;
}

/** What a server said. */
export type FleetLockAnswer =
  | { readonly granted: true }
  /** One sentence. */
  | { readonly granted: false; readonly because: string };

/** What may be a group (the protocol's own rule). */
export const FLEET_GROUP: RegExp = /^[a-zA-Z0-9.-]+$/;

/** Tells this use of the machine id from others (sd_id128_get_machine_app_specific(3)). */
const APPLICATION_ID = '5c7b09d2f0a94e2d8a6f1f6f3d0c41b7';
/** A server may let a host wait for its turn. */
const ANSWER_MS = 30 * 60_000;
const MAX_ANSWER_BYTES = 16 * 1024;

/**
 * Asks to reboot. That it was asked is written down first, so that {@link reportSteady} gives back whatever was granted.
 *
 * A cut leaves the note, or none and nothing asked.
 *
 * @throws SlipwayError FLEET_LOCK_FAILED when the server cannot be reached
 */
export async function requestReboot(
  system: HostSystem,
  lock: FleetLock,
  options: OperationOptions = {},
): Promise<FleetLockAnswer> {
  const note = { ...lock, since: isoTime(system.clock) };
  await writeFileDurably(system.layout.fleetLock, formatJsonRecord(note));
  return await ask(system, lock, 'pre-reboot', options);
}

/**
 * Says that this host is steady, which gives a lock back; nothing is said where none was asked for. A cut leaves the note: it is said
 * again, which the protocol allows.
 *
 * @returns undefined where there was nothing to say
 * @throws SlipwayError FLEET_LOCK_FAILED when the server cannot be reached
 */
export async function reportSteady(
  system: HostSystem,
  options: OperationOptions = {},
): Promise<FleetLockAnswer | undefined> {
  const lock = await readNote(system);
  if (lock === undefined) return undefined;
  const answer = await ask(system, lock, 'steady-state', options);
  if (answer.granted) await removeFileDurably(system.layout.fleetLock);
  return answer;
}

/** The id of this host for servers: says nothing of its machine id. */
export async function fleetLockId(system: HostSystem): Promise<string> {
  const machineId = (await readFile(join(system.etc, 'machine-id'), 'utf8')).trim();
  const hash = createHmac('sha256', Buffer.from(machineId, 'hex'));
  const id = hash.update(Buffer.from(APPLICATION_ID, 'hex')).digest().subarray(0, 16);
  // A UUID of version 4, as systemd makes them.
  id[6] = ((id[6] ?? 0) & 0x0f) | 0x40;
  id[8] = ((id[8] ?? 0) & 0x3f) | 0x80;
  return id.toString('hex');
}

async function ask(
  system: HostSystem,
  { url, group }: FleetLock,
  what: 'pre-reboot' | 'steady-state',
  options: OperationOptions,
): Promise<FleetLockAnswer> {
  const { signal, log } = operation(options);
  const address = new URL(`v1/${what}`, url);
  const id = await fleetLockId(system);
  try {
    const response = await fetch(address, {
      method: 'POST',
      headers: { 'fleet-lock-protocol': 'true', 'content-type': 'application/json' },
      body: JSON.stringify({ client_params: { id, group } }),
      redirect: 'error',
      signal: AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MS)]),
    });
    log.debug('the fleet lock answered', { what, status: response.status });
    const text = await firstBytes(response);
    return response.ok ? { granted: true } : { granted: false, because: refusalWords(text, response.status) };
  } catch (cause) {
    if (signal.aborted) throw new SlipwayError('ABORTED', 'cannot ask the fleet lock: cancelled', { cause });
    const why =
      cause instanceof Error && cause.cause !== undefined ? messageOf(cause.cause) : messageOf(cause);
    throw new SlipwayError('FLEET_LOCK_FAILED', `cannot ask the fleet lock at ${address.href}: ${why}`, {
      hint: 'check url in [fleet-lock] of /etc/slipway/update.toml, and that the server runs',
      cause,
    });
  }
}

/** The start of the answer: a server that talks without end is not listened to. */
async function firstBytes(response: Response): Promise<string> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of response.body ?? []) {
    parts.push(part);
    length += part.length;
    if (length > MAX_ANSWER_BYTES) break;
  }
  return Buffer.concat(parts).subarray(0, MAX_ANSWER_BYTES).toString('utf8');
}

function refusalWords(text: string, status: number): string {
  const { kind, value } = parseJsonRecord(text) ?? {};
  const words = typeof value === 'string' && value !== '' ? value : typeof kind === 'string' ? kind : '';
  return words === '' ? `it answered with ${status}` : words.slice(0, 300);
}

/** A damaged note is none: the server can be told by hand, and the next reboot asks anew. */
async function readNote(system: HostSystem): Promise<FleetLock | undefined> {
  const text = await readFile(system.layout.fleetLock, 'utf8').catch(() => '');
  const { url, group } = asJsonRecord(parseJsonRecord(text)) ?? {};
  if (typeof url !== 'string' || !URL.canParse(url) || typeof group !== 'string') return undefined;
  return { url, group };
}
