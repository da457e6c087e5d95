import type { Labels } from '../../selector/selector.ts';

/** What the server knows of a device when it decides. Everything the device itself said may be a lie. */
export interface DeviceObservation {
  readonly id: string;
  readonly labels: Labels;
  /** Said by the device: hardware, versions. Risks of releases are evaluated on labels and facts; labels win. */
  readonly facts: Labels;
  /** In the terms of OCI. */
  readonly architecture: string;
  /** IANA name. */
  readonly timeZone?: string;
  /** Whether it was heard of lately, by the clock of the server. */
  readonly online: boolean;
  readonly bootedDigest?: string;
  /** What it will boot next. */
  readonly stagedDigest?: string;
  readonly health: 'healthy' | 'failing' | 'unknown';
  /** Images that failed on this device: it will refuse them. */
  readonly deniedDigests: readonly string[];
  /** What it says about what it was told. */
  readonly report?: DeviceReport;
  /** An operator holds this device back. */
  readonly hold?: { readonly reason: string; readonly untilMs?: number };
}

/** A device on the decision it was told. Only the key of its present order counts. */
export interface DeviceReport {
  readonly key: string;
  readonly phase: 'downloading' | 'staged' | 'restarting' | 'failed' | 'rolled-back' | 'refused';
  readonly message?: string;
}
