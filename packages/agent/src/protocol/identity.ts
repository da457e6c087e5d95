/** What a device is to its fleet: kept together, replaced together. */
export interface DeviceIdentity {
  readonly name: string;
  /** PEM. */
  readonly key: string;
  readonly certificate: string;
  /** Certificates to check the server with, PEM. */
  readonly authority: string;
}
