import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileDurably } from '@slipway/boot';
import { type Clock, type Logger, messageOf } from '@slipway/core';
import type { DeviceSshAnswer } from '@slipway/fleet-api';
import type { FleetLink } from '../protocol/fleet-link.ts';
import { readText } from '../record/read-text.ts';
import { pause } from '../run/pause.ts';
import { backOff, spread } from '../run/waiting.ts';

/** Where an ssh server finds its key and what the fleet says about it. */
export interface SshPlaces {
  /** Public key of the host, of Ed25519: `/etc/ssh/ssh_host_ed25519_key.pub`. */
  readonly hostKey: string;
  /** What `sshd_config` points at is kept here: `host-cert.pub`, `user-authority.pub`, `principals` and `revoked`. */
  readonly directory: string;
}

export interface SshCertificatesOptions {
  readonly link: Pick<FleetLink, 'ssh'>;
  readonly places: SshPlaces;
  readonly clock: Clock;
  readonly log: Logger;
  readonly random?: () => number;
}

/** A device that changes its fleet lets others in within so long. */
const ASK_EVERY_MS = 3_600_000;
/** A certificate is good for a month. */
const RENEW_BEFORE_MS = 10 * 86_400_000;
/** Nothing in them is secret, and sshd reads principals as the person who comes. */
const READABLE = 0o644;
const NEVER = { hostKey: '', untilMs: 0 };

/**
 * Keeps what the ssh server of a host needs to be known by its fleet's people and to know them, until the signal. What cannot be had now
 * is tried again; the server goes on with what it has.
 */
export async function keepSshCertificates(
  options: SshCertificatesOptions,
  signal: AbortSignal,
): Promise<void> {
  const { log, random = Math.random } = options;
  for (let failures = 0; !signal.aborted; ) {
    let restMs = spread(ASK_EVERY_MS, random());
    try {
      await askOnce(options, signal);
      failures = 0;
    } catch (thrown) {
      if (signal.aborted) return;
      failures += 1;
      restMs = backOff(failures, random());
      log.warn('cannot learn whom the ssh server lets in', { reason: messageOf(thrown), restMs });
    }
    await pause(restMs, signal).catch(() => undefined);
  }
}

const FILES = ['host-cert.pub', 'user-authority.pub', 'principals', 'kept.json'] as const;

/**
 * A host that is no device any more lets nobody of its fleet in. The list of what is revoked stays: without it sshd takes no key at all,
 * whoever let it in.
 */
export async function forgetSsh({ directory }: SshPlaces): Promise<void> {
  for (const name of FILES) await rm(join(directory, name), { force: true });
}

/** One question. A power cut within leaves files of before and of now, each of them whole, and the next question replaces them all. */
async function askOnce(
  { link, places, clock, log }: SshCertificatesOptions,
  signal: AbortSignal,
): Promise<void> {
  const text = await readText(places.hostKey);
  // A host that has no ssh server, or has not made its key yet.
  if (text === undefined) return;
  const hostKey = text.trim();
  await mkdir(places.directory, { recursive: true, mode: 0o755 });
  const kept = await readKept(places);
  const renew = kept.hostKey !== hostKey || kept.untilMs - clock.nowMs() < RENEW_BEFORE_MS;
  // Servers of earlier versions tell nothing of what is revoked.
  const answer: Omit<DeviceSshAnswer, 'revoked'> & { readonly revoked?: string } = await link.ssh(
    { hostKey, renew },
    signal,
  );
  const { certificate, notAfter, userAuthority, principals, revoked } = answer;
  const write = async (name: string, content: string | Uint8Array): Promise<void> =>
    await writeFileDurably(join(places.directory, name), content, READABLE);
  await write('principals', `${principals.join('\n')}\n`);
  await write('user-authority.pub', `${userAuthority}\n`);
  if (revoked !== undefined) await write('revoked', Buffer.from(revoked, 'base64'));
  if (certificate === null || notAfter === null) return;
  await write('host-cert.pub', `${certificate}\n`);
  await write('kept.json', `${JSON.stringify({ hostKey, untilMs: Date.parse(notAfter) })}\n`);
  log.info('the ssh server of this host has a certificate of the fleet', { notAfter });
}

/** Damaged is as none: it is had again. */
async function readKept({
  directory,
}: SshPlaces): Promise<{ readonly hostKey: string; readonly untilMs: number }> {
  try {
    const { hostKey, untilMs } = JSON.parse(
      (await readText(join(directory, 'kept.json'))) ?? '{}',
    ) as Partial<typeof NEVER>;
    const isThere = (await readText(join(directory, 'host-cert.pub'))) !== undefined;
    return isThere && typeof hostKey === 'string' && typeof untilMs === 'number'
      ? { hostKey, untilMs }
      : NEVER;
  } catch {
    return NEVER;
  }
}
