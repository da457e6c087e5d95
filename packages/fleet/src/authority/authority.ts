import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import { isIP } from 'node:net';
import * as x509 from '@peculiar/x509';
import type { Clock } from '@slipway/core';
import type { FleetDatabase } from '../database/database.ts';
import { settingMadeOnce } from '../database/setting.ts';

x509.cryptoProvider.set(webcrypto);

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const DAY_MS = 86_400_000;
const AUTHORITY_DAYS = 3650;
/** Clocks of hosts are not exact. */
const BACKDATE_MS = 3_600_000;

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
  readonly #parsed: x509.X509Certificate;
  readonly #key: CryptoKey;
  readonly #clock: Clock;

  private constructor(certificate: string, key: CryptoKey, clock: Clock) {
    this.certificate = certificate;
    this.#parsed = new x509.X509Certificate(certificate);
    this.#key = key;
    this.#clock = clock;
  }

  static async open(database: FleetDatabase, clock: Clock): Promise<Authority> {
    const made = JSON.stringify(await makeAuthority(clock.nowMs()));
    const kept = await settingMadeOnce(database, 'authority', made);
    const { certificate, key } = JSON.parse(kept) as KeyAndCertificate;
    return new Authority(certificate, await importKey(key), clock);
  }

  /** A certificate for the client of one device. */
  async issueDevice(
    name: string,
    organisation: string,
    publicKey: x509.PublicKey,
    lifeMs: number,
  ): Promise<Issued> {
    const subject = new x509.Name([{ O: [organisation] }, { CN: [name] }]);
    return await this.#issue(subject, publicKey, lifeMs, [
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.clientAuth]),
      new x509.SubjectAlternativeNameExtension([{ type: 'url', value: `urn:slipway:device:${name}` }]),
    ]);
  }

  /** Key and certificate of the server itself, for the names it is reached by. */
  async issueServer(names: readonly string[], lifeMs: number): Promise<KeyAndCertificate> {
    const keys = await newKeys();
    const alternatives = names.map((name) => ({
      type: isIP(name) === 0 ? ('dns' as const) : ('ip' as const),
      value: name,
    }));
    const { certificate } = await this.#issue(
      new x509.Name([{ CN: [names[0] ?? 'slipway'] }]),
      keys.publicKey,
      lifeMs,
      [
        new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
        new x509.SubjectAlternativeNameExtension(alternatives),
      ],
    );
    return { certificate: `${certificate}\n${this.certificate}`, key: await exportKey(keys.privateKey) };
  }

  async #issue(
    subject: x509.Name,
    publicKey: x509.PublicKey | CryptoKey,
    lifeMs: number,
    extensions: readonly x509.Extension[],
  ): Promise<Issued> {
    const nowMs = this.#clock.nowMs();
    const serial = newSerial();
    const untilMs = Math.floor((nowMs + lifeMs) / 1000) * 1000;
    const certificate = await x509.X509CertificateGenerator.create({
      serialNumber: serial,
      subject: subject.toString(),
      issuer: this.#parsed.subject,
      notBefore: new Date(nowMs - BACKDATE_MS),
      notAfter: new Date(untilMs),
      signingKey: this.#key,
      publicKey,
      signingAlgorithm: ALGORITHM,
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        ...extensions,
        await x509.AuthorityKeyIdentifierExtension.create(this.#parsed.publicKey),
      ],
    });
    return { certificate: certificate.toString('pem'), serial: serial.toUpperCase(), untilMs };
  }
}

async function makeAuthority(nowMs: number): Promise<KeyAndCertificate> {
  const keys = await newKeys();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: newSerial(),
    name: 'CN=Slipway fleet authority',
    notBefore: new Date(nowMs - BACKDATE_MS),
    notAfter: new Date(nowMs + AUTHORITY_DAYS * DAY_MS),
    keys,
    signingAlgorithm: ALGORITHM,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certificate: certificate.toString('pem'), key: await exportKey(keys.privateKey) };
}

/** 127 bits at random, positive, without leading zeros, so that its text is the same everywhere. */
function newSerial(): string {
  const bytes = webcrypto.getRandomValues(new Uint8Array(16));
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40;
  return Buffer.from(bytes).toString('hex');
}

async function newKeys(): Promise<webcrypto.CryptoKeyPair> {
  return await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
}

async function exportKey(key: CryptoKey): Promise<string> {
  return x509.PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY');
}

async function importKey(pem: string): Promise<CryptoKey> {
  const bytes = x509.PemConverter.decodeFirst(pem);
  return await webcrypto.subtle.importKey('pkcs8', bytes, ALGORITHM, false, ['sign']);
}
