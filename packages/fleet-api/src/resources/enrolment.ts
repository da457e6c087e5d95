import * as z from 'zod';
import { type DeviceReport, deviceReportSchema } from './device-report.ts';
import { type Labels, labelsSchema } from './labels.ts';
import { type Resource, resourceSchema } from './resource.ts';
import { lineSchema, nameSchema, timeSchema } from './scalars.ts';

/** What a host asks to become a device. Its name is computed from its key: {@link EnrolmentAnswer.name}. */
export interface EnrolmentAsk {
  /** PKCS #10, PEM; the key was made on the host and stays there. */
  readonly csr: string;
  /** A token that approves in advance. */
  readonly token?: string;
  /** Organisation whose lobby it waits in when it has no token. Default `default`. */
  readonly organisation?: string;
  readonly hostname?: string;
  readonly labels?: Labels;
  readonly report?: DeviceReport;
}

export const enrolmentAskSchema: z.ZodType<EnrolmentAsk> = z.strictObject({
  csr: z.string().min(64).max(16_384),
  token: z.string().max(256).exactOptional(),
  organisation: nameSchema.exactOptional(),
  hostname: lineSchema.max(253).exactOptional(),
  labels: labelsSchema.exactOptional(),
  report: deviceReportSchema.exactOptional(),
});

/** Where an enrolment stands; the certificate is there once it is approved. */
export interface EnrolmentAnswer {
  readonly name: string;
  readonly state: 'pending' | 'approved' | 'rejected';
  readonly reason: string | null;
  /** PEM. Of use only to who has the key. */
  readonly certificate: string | null;
  readonly authority: string | null;
  /** Where a person approves it: for a QR code on the host's console. */
  readonly approveUrl: string;
  readonly pollSeconds: number;
}

export const enrolmentAnswerSchema: z.ZodType<EnrolmentAnswer> = z.object({
  name: nameSchema,
  state: z.enum(['pending', 'approved', 'rejected']),
  reason: z.string().nullable(),
  certificate: z.string().nullable(),
  authority: z.string().nullable(),
  approveUrl: z.string(),
  pollSeconds: z.int(),
});

/** A host in the lobby. */
export interface EnrolmentSpec {
  readonly hostname: string | null;
  /** SHA-256 of its public key, hex: what a careful person compares. */
  readonly keyFingerprint: string;
  /** Labels it asks for. */
  readonly labels: Labels;
  readonly report: DeviceReport | null;
}

export interface EnrolmentStatus {
  readonly state: 'pending' | 'approved' | 'rejected';
  readonly reason: string | null;
  readonly address: string | null;
  readonly decidedBy: string | null;
  readonly decidedAt: string | null;
}

export type Enrolment = Resource<'Enrolment', EnrolmentSpec, EnrolmentStatus>;

export const enrolmentSchema: z.ZodType<Enrolment> = resourceSchema(
  'Enrolment',
  z.object({
    hostname: z.string().nullable(),
    keyFingerprint: z.string(),
    labels: labelsSchema,
    report: deviceReportSchema.nullable(),
  }),
  z.object({
    state: z.enum(['pending', 'approved', 'rejected']),
    reason: z.string().nullable(),
    address: z.string().nullable(),
    decidedBy: z.string().nullable(),
    decidedAt: timeSchema.nullable(),
  }),
);

/** What the device gets when it is let in. */
export interface EnrolmentApproval {
  /** In addition to those it asked for; these win. */
  readonly labels?: Labels;
  readonly fleet?: string;
}

export const enrolmentApprovalSchema: z.ZodType<EnrolmentApproval> = z.strictObject({
  labels: labelsSchema.exactOptional(),
  fleet: nameSchema.exactOptional(),
});

/** A token that approves enrolments in advance; baked into an image or handed over at installation. */
export interface EnrolmentTokenInput {
  readonly name: string;
  readonly labels?: Labels;
  readonly fleet?: string;
  /** How many devices may use it. Default: 1. */
  readonly uses?: number;
  readonly expiresAt?: string;
}

export interface EnrolmentToken {
  readonly name: string;
  readonly labels: Labels;
  readonly fleet: string | null;
  readonly usesLeft: number;
  readonly expiresAt: string | null;
  readonly createdAt: string;
  readonly createdBy: string;
}

/** The one answer with the secret in it. */
export interface NewEnrolmentToken extends EnrolmentToken {
  readonly secret: string;
}

export const enrolmentTokenInputSchema: z.ZodType<EnrolmentTokenInput> = z.strictObject({
  name: nameSchema,
  labels: labelsSchema.exactOptional(),
  fleet: nameSchema.exactOptional(),
  uses: z.int().min(1).max(1_000_000).exactOptional(),
  expiresAt: timeSchema.exactOptional(),
});

const enrolmentTokenShape = {
  name: nameSchema,
  labels: labelsSchema,
  fleet: z.string().nullable(),
  usesLeft: z.int().min(0),
  expiresAt: timeSchema.nullable(),
  createdAt: timeSchema,
  createdBy: z.string(),
};
export const enrolmentTokenSchema: z.ZodType<EnrolmentToken> = z
  .object(enrolmentTokenShape)
  .meta({ id: 'EnrolmentToken' });
export const newEnrolmentTokenSchema: z.ZodType<NewEnrolmentToken> = z
  .object({ ...enrolmentTokenShape, secret: z.string() })
  .meta({ id: 'NewEnrolmentToken' });
