import * as z from 'zod';
import { type DesiredState, desiredStateSchema } from './desired-state.ts';
import { type DeviceReport, deviceReportSchema } from './device-report.ts';
import { countSchema, timeSchema } from './scalars.ts';

/**
 * What a device says when it checks in. The report travels only when it changed: its tag is compared first, so that an unchanged
 * check-in is a hundred bytes and nothing is written.
 */
export interface CheckIn {
  /** Names the report, whatever the device likes (a hash of it). */
  readonly reportTag: string;
  readonly report?: DeviceReport;
  /** The `desiredTag` it was last told. */
  readonly desiredTag?: string;
  /** Wait up to so many seconds for a desired state that is another; 0: answer at once. */
  readonly waitSeconds?: number;
}

export interface CheckInAnswer {
  readonly desiredTag: string;
  /** There only when it is not the one the device named. */
  readonly desired?: DesiredState;
  /** The server does not know the report of this tag: check in again with it. */
  readonly reportWanted: boolean;
  /** Seconds until the next check-in; spread it by a tenth. */
  readonly intervalSeconds: number;
  /** The certificate should be renewed now. */
  readonly renewCertificate: boolean;
  readonly serverTime: string;
}

export const checkInSchema: z.ZodType<CheckIn> = z.strictObject({
  reportTag: z.string().min(1).max(128),
  report: deviceReportSchema.exactOptional(),
  desiredTag: z.string().max(128).exactOptional(),
  waitSeconds: z.int().min(0).max(300).exactOptional(),
});

export const checkInAnswerSchema: z.ZodType<CheckInAnswer> = z.object({
  desiredTag: z.string(),
  desired: desiredStateSchema.exactOptional(),
  reportWanted: z.boolean(),
  intervalSeconds: countSchema,
  renewCertificate: z.boolean(),
  serverTime: timeSchema,
});

/** A certificate and those above it. */
export interface IssuedCertificate {
  readonly certificate: string;
  /** Certificates of the authority, to check the server with. */
  readonly authority: string;
  readonly notAfter: string;
}

export const issuedCertificateSchema: z.ZodType<IssuedCertificate> = z.object({
  certificate: z.string(),
  authority: z.string(),
  notAfter: timeSchema,
});
