import { createPrivateKey, generateKeyPairSync, hash, type KeyObject, randomBytes } from 'node:crypto';
import { isIP } from 'node:net';
import type { Clock } from '@slipway/core';
import type { FleetDatabase } from '../database/database.ts';
import { settingMadeOnce } from '../database/setting.ts';
import { type AuthorityName, readAuthorityName } from './authority-name.ts';
import { authorityExtensions, endExtensions } from './certificate-extensions.ts';
import { distinguishedName, signCertificate } from './sign-certificate.ts';

const DAY_MS = 86_400_000;
const AUTHORITY_DAYS = 3650;
/** Clocks of hosts are not exact. */
const BACKDATE_MS = 3_600_000;
const SERIAL_BYTES = 16;
const KEY_IDENTIFIER_BYTES = 20;

/** A certificate and its key, PEM. */
export interface KeyAndCertificate {
  readonly certificate: string;
  readonly key: string;
}

/** A certificate as issued. */
export interface Issued {
  readonly certificate: string;
  readonly serial: string;
  readonly untilMs: number;
}

/** The certificate authority of a fleet: made on the first start, kept in the database, shared by all replicas. */
export class Authority {
  readonly certificate: string;
  readonly #name: AuthorityName;
  readonly #key: KeyObject;
  readonly #clock: Clock;

  private constructor(certificate: string, key: KeyObject, clock: Clock) {
    this.certificate = certificate;
    this.#name = readAuthorityName(certificate);
    this.#key = key;
    this.#clock = clock;
  }

  static async open(database: FleetDatabase, clock: Clock): Promise<Authority> {
    const made = JSON.stringify(makeAuthority(clock.nowMs()));
    const kept = await settingMadeOnce(database, 'authority', made);
    const { certificate, key } = JSON.parse(kept) as KeyAndCertificate;
    return new Authority(certificate, createPrivateKey(key), clock);
  }

  /**
   * A certificate for the client of one device.
   *
   * @param publicKey SubjectPublicKeyInfo, DER
   */
  issueDevice(name: string, organisation: string, publicKey: Uint8Array, lifeMs: number): Issued {
    const subject = distinguishedName([
      ['O', organisation],
      ['CN', name],
    ]);
    const names = [{ kind: 'uri', value: `urn:slipway:device:${name}` }] as const;
    return this.#issue(subject, publicKey, lifeMs, endExtensions('client', names, this.#name.keyIdentifier));
  }

  /** Key and certificate of the server itself, for the names it is reached by. */
  issueServer(names: readonly string[], lifeMs: number): KeyAndCertificate {
    const { key, publicKey } = newKey();
    const alternatives = names.map((value) => ({
      kind: isIP(value) === 0 ? ('dns' as const) : ('address' as const),
      value,
    }));
    const subject = distinguishedName([['CN', names[0] ?? 'slipway']]);
    const extensions = endExtensions('server', alternatives, this.#name.keyIdentifier);
    const { certificate } = this.#issue(subject, publicKey, lifeMs, extensions);
    return { certificate: `${certificate}\n${this.certificate}`, key: pemOf(key) };
  }

  #issue(
    subject: Uint8Array,
    publicKey: Uint8Array,
    lifeMs: number,
    extensions: readonly Uint8Array[],
  ): Issued {
    const nowMs = this.#clock.nowMs();
    const serial = newSerial();
    const untilMs = Math.floor((nowMs + lifeMs) / 1000) * 1000;
    const content = { serial, subject, publicKey, fromMs: nowMs - BACKDATE_MS, untilMs, extensions };
    const certificate = signCertificate(content, { name: this.#name.subject, key: this.#key });
    return { certificate, serial: serial.toString('hex').toUpperCase(), untilMs };
  }
}

function makeAuthority(nowMs: number): KeyAndCertificate {
  const { key, publicKey } = newKey();
  const subject = distinguishedName([['CN', 'Slipway fleet authority']]);
  // Any name of the key will do: RFC 7093, section 2.
  const identifier = hash('sha256', publicKey, 'buffer').subarray(0, KEY_IDENTIFIER_BYTES);
  const content = {
    serial: newSerial(),
    subject,
    publicKey,
    fromMs: nowMs - BACKDATE_MS,
    untilMs: nowMs + AUTHORITY_DAYS * DAY_MS,
    extensions: authorityExtensions(identifier),
  };
  return { certificate: signCertificate(content, { name: subject, key }), key: pemOf(key) };
}

/** 127 bits at random, positive, without leading zeros, so that its text is the same everywhere. */
function newSerial(): Buffer {
  const bytes = randomBytes(SERIAL_BYTES);
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40;
  return bytes;
}

function newKey(): { readonly key: KeyObject; readonly publicKey: Buffer } {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return { key: privateKey, publicKey: publicKey.export({ type: 'spki', format: 'der' }) };
}

function pemOf(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' });
}
