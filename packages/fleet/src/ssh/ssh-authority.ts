import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
} from 'node:crypto';
import type { Clock } from '@slipway/core';
import type { SshAuthorities } from '@slipway/fleet-api';
import type { FleetDatabase } from '../database/database.ts';
import { settingMadeOnce } from '../database/setting.ts';
import { type SshCertificateContent, signSshCertificate } from './ssh-certificate.ts';
import { rawPublicKey, sshKeyBlob, sshKeyLine } from './ssh-public-key.ts';

type Kind = SshCertificateContent['kind'];

/** A certificate as issued. */
export interface IssuedSsh {
  readonly certificate: string;
  readonly serial: string;
  readonly untilMs: number;
}

/** Clocks of hosts are not exact. */
const BACKDATE_MS = 300_000;
/** A terminal, and ports of the device through the connection; nothing that reaches back to who comes. */
const USER_EXTENSIONS = ['permit-port-forwarding', 'permit-pty'];

/** Two keys, one for people and one for hosts, that never sign the other's: made on the first start, kept in the database. */
export class SshAuthority {
  readonly authorities: SshAuthorities;
  readonly #keys: Readonly<Record<Kind, KeyObject>>;
  readonly #clock: Clock;

  private constructor(keys: Readonly<Record<Kind, KeyObject>>, clock: Clock) {
    this.#keys = keys;
    this.#clock = clock;
    this.authorities = {
      user: sshKeyLine(rawPublicKey(createPublicKey(keys.user)), 'slipway-people'),
      host: sshKeyLine(rawPublicKey(createPublicKey(keys.host)), 'slipway-hosts'),
    };
  }

  static async open(database: FleetDatabase, clock: Clock): Promise<SshAuthority> {
    const made = JSON.stringify({ user: newKey(), host: newKey() });
    const value = await settingMadeOnce(database, 'ssh-authority', made);
    const { user, host } = JSON.parse(value) as Readonly<Record<Kind, string>>;
    return new SshAuthority({ user: createPrivateKey(user), host: createPrivateKey(host) }, clock);
  }

  /** The key that signs, as it travels in SSH. */
  keyBlob(kind: Kind): Buffer {
    return sshKeyBlob(rawPublicKey(createPublicKey(this.#keys[kind])));
  }

  issue(
    asked: Pick<SshCertificateContent, 'kind' | 'publicKey' | 'keyId' | 'principals'>,
    untilMs: number,
  ): IssuedSsh {
    const key = this.#keys[asked.kind];
    const serial = newSerial();
    const content = {
      ...asked,
      serial,
      fromMs: this.#clock.nowMs() - BACKDATE_MS,
      untilMs,
      extensions: asked.kind === 'user' ? USER_EXTENSIONS : [],
    };
    const certificate = signSshCertificate(content, key, createPublicKey(key));
    return { certificate, serial: String(serial), untilMs: Math.floor(untilMs / 1000) * 1000 };
  }
}

function newKey(): string {
  return generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' });
}

/** 63 bits: what every program that lists revoked certificates can hold. */
function newSerial(): bigint {
  return randomBytes(8).readBigUInt64BE() >> 1n;
}
