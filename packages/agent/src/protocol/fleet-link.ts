import {
  type CheckIn,
  type CheckInAnswer,
  type DeviceSshAnswer,
  type DeviceSshAsk,
  FleetClient,
  type Transport,
} from '@slipway/fleet-api';
import { HttpsTransport } from './https-transport.ts';
import type { DeviceIdentity } from './identity.ts';

export interface FleetLinkOptions {
  readonly server: string;
  readonly identity: DeviceIdentity;
  /** Keeps a renewed identity. What a power cut leaves before it: the old certificate, which is good until the new one is used. */
  readonly keep?: (identity: DeviceIdentity) => Promise<void>;
  /** Stands between a device and its server, as a bad network does. */
  readonly through?: (transport: Transport) => Transport;
}

/** The connection of a device with its fleet, as the device its certificate says. */
export class FleetLink implements Disposable {
  readonly #options: FleetLinkOptions;
  #identity: DeviceIdentity;
  #transport: HttpsTransport;
  #client: FleetClient;

  constructor(options: FleetLinkOptions) {
    this.#options = options;
    this.#identity = options.identity;
    this.#transport = transportOf(this.#identity);
    this.#client = this.#clientOver(this.#transport);
  }

  async checkIn(body: CheckIn, signal: AbortSignal): Promise<CheckInAnswer> {
    return await this.#client.call('device.checkIn', { body, signal });
  }

  /** Whom the ssh server of this host lets in, and a certificate for its key where one is wanted. */
  async ssh(body: DeviceSshAsk, signal: AbortSignal): Promise<DeviceSshAnswer> {
    return await this.#client.call('device.ssh', { body, signal });
  }

  /** A new certificate for the same key. */
  async renew(signal: AbortSignal): Promise<void> {
    // Much memory for what is done twice a year.
    const { certificateRequest } = await import('./device-key.ts');
    const csr = await certificateRequest(this.#identity.key);
    const { certificate, authority } = await this.#client.call('device.renew', { body: { csr }, signal });
    this.#identity = { ...this.#identity, certificate, authority };
    await this.#options.keep?.(this.#identity);
    this.#transport[Symbol.dispose]();
    this.#transport = transportOf(this.#identity);
    this.#client = this.#clientOver(this.#transport);
  }

  #clientOver({ send }: HttpsTransport): FleetClient {
    const { server, through } = this.#options;
    return new FleetClient({ url: server, transport: through === undefined ? send : through(send) });
  }

  [Symbol.dispose](): void {
    this.#transport[Symbol.dispose]();
  }
}

function transportOf({ authority, certificate, key }: DeviceIdentity): HttpsTransport {
  return new HttpsTransport({ authority, certificate: { cert: certificate, key } });
}
