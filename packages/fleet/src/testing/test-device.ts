import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';
import {
  type CheckInAnswer,
  type DesiredState,
  type DeviceReport,
  type FleetClient,
  type ImageRef,
} from '@slipway/fleet-api';
import type { ClientCertificate } from '../client/https-transport.ts';
import { clientOf, deviceClientOf } from './test-client.ts';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;

/** A key of a host, and a request for a certificate made with it. */
export interface HostKey {
  readonly csr: string;
  readonly keyPem: string;
}

export async function newHostKey(): Promise<HostKey> {
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const csr = await x509.Pkcs10CertificateRequestGenerator.create({
    name: 'CN=host',
    keys,
    signingAlgorithm: ALGORITHM,
  });
  const key = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey);
  return { csr: csr.toString('pem'), keyPem: x509.PemConverter.encode(key, 'PRIVATE KEY') };
}

/** A device that does at once what it is told. It fails with images whose digest it is told to fail with. */
export class TestDevice {
  readonly name: string;
  readonly certificate: ClientCertificate;
  readonly client: FleetClient;
  readonly #bad: ReadonlySet<string>;
  readonly #facts: DeviceReport['facts'];
  booted: ImageRef;
  #report: DeviceReport;
  #reports = 0;
  #desiredTag: string | undefined;
  desired: DesiredState | undefined;

  constructor(
    name: string,
    certificate: ClientCertificate,
    client: FleetClient,
    booted: ImageRef,
    bad: readonly string[],
    facts: DeviceReport['facts'] = {},
  ) {
    this.#facts = facts;
    this.name = name;
    this.certificate = certificate;
    this.client = client;
    this.booted = booted;
    this.#bad = new Set(bad);
    this.#report = this.#reportOf({ phase: 'idle', updateId: null, target: null }, null);
  }

  /** Enrols with a token and checks in once. */
  static async enrol(
    url: string,
    authority: string,
    token: string,
    booted: ImageRef,
    bad: readonly string[] = [],
    facts: DeviceReport['facts'] = {},
  ): Promise<TestDevice> {
    const { csr, keyPem } = await newHostKey();
    const answer = await clientOf(url, authority).call('enrol.ask', {
      body: { csr, token, hostname: 'test-host' },
    });
    const certificate = { cert: answer.certificate ?? '', key: keyPem };
    const client = deviceClientOf(url, authority, certificate);
    const device = new TestDevice(answer.name, certificate, client, booted, bad, facts);
    await device.checkIn();
    return device;
  }

  /** Tells how it is, and does what it is told. */
  async checkIn(): Promise<CheckInAnswer> {
    const reportTag = String(this.#reports);
    const tag = this.#desiredTag === undefined ? {} : { desiredTag: this.#desiredTag };
    let answer = await this.client.call('device.checkIn', { body: { reportTag, ...tag } });
    if (answer.reportWanted) {
      answer = await this.client.call('device.checkIn', {
        body: { reportTag, report: this.#report, ...tag },
      });
    }
    this.#desiredTag = answer.desiredTag;
    if (answer.desired !== undefined) this.#obey(answer.desired);
    return answer;
  }

  #obey(desired: DesiredState): void {
    this.desired = desired;
    const { action, image, updateId } = desired;
    if (updateId === null || image === null) return;
    const target = image.digest;
    if (action === 'download') this.#say({ phase: 'staged', updateId, target }, image);
    if (action === 'apply' && this.#bad.has(target)) {
      const failure = { code: 'HEALTH_CHECK_FAILED', message: 'the health check shop-answers failed' };
      this.#say({ phase: 'failed', updateId, target, failure });
    } else if (action === 'apply' || action === 'rollback') {
      this.booted = image;
      this.#say({ phase: 'succeeded', updateId, target });
    }
  }

  #say(update: DeviceReport['update'], staged: ImageRef | null = null): void {
    this.#report = this.#reportOf(update, staged);
    this.#reports += 1;
  }

  #reportOf(update: DeviceReport['update'], staged: ImageRef | null): DeviceReport {
    const report = reportOf(this.booted, update, staged);
    return { ...report, facts: { ...report.facts, ...this.#facts } };
  }
}

export function reportOf(
  booted: ImageRef,
  update: DeviceReport['update'],
  staged: ImageRef | null = null,
): DeviceReport {
  return {
    agentVersion: '0.1.0',
    architecture: 'amd64',
    bootId: 'b',
    image: { booted, staged, rollback: null },
    update,
    health: { state: 'healthy', checks: [] },
    facts: { kernel: '6.12' },
  };
}
