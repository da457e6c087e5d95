import * as z from 'zod';
import { lineSchema, nameSchema, timeSchema } from './scalars.ts';

const DAY_SECONDS = 86_400;

/** A public key as OpenSSH writes it, one line: `ssh-ed25519 AAAA… comment`. */
const publicKeySchema: z.ZodType<string> = lineSchema.min(64).max(1024);

/** The keys that sign certificates of OpenSSH, as lines of public keys. */
export interface SshAuthorities {
  /** Signs those of people: a host takes who has one, by `TrustedUserCAKeys`. */
  readonly user: string;
  /** Signs those of hosts: a client knows who has one, by `@cert-authority` in its known hosts. */
  readonly host: string;
}

export const sshAuthoritiesSchema: z.ZodType<SshAuthorities> = z
  .object({ user: z.string(), host: z.string() })
  .meta({ id: 'SshAuthorities' });

/** What ssh is not to take although it has not ended. */
export interface SshRevocations {
  /** A key revocation list of OpenSSH, base64. */
  readonly list: string;
  /** How many certificates it names by their serial numbers, and how many keys of hosts by themselves. */
  readonly certificates: number;
  readonly keys: number;
  readonly generatedAt: string;
}

export const sshRevocationsSchema: z.ZodType<SshRevocations> = z
  .object({ list: z.base64(), certificates: z.int(), keys: z.int(), generatedAt: timeSchema })
  .meta({ id: 'SshRevocations' });

/** What somebody who logged in asks a certificate for. */
export interface SshCertificateAsk {
  readonly publicKey: string;
  /** Seconds it is good for; the session or token it is asked with may end earlier, and it then. Default: eight hours. */
  readonly validSeconds?: number;
  /** Devices it is for; without it all that the role of who asks reaches. */
  readonly devices?: readonly string[];
}

export const sshCertificateAskSchema: z.ZodType<SshCertificateAsk> = z.strictObject({
  publicKey: publicKeySchema,
  validSeconds: z.int().min(60).max(DAY_SECONDS).exactOptional(),
  devices: z.array(nameSchema).min(1).max(256).exactOptional(),
});

/** A certificate of a person. */
export interface SshCertificate {
  /** One line, as `ssh` wants it beside the key, in `KEY-cert.pub`. */
  readonly certificate: string;
  readonly serial: string;
  /** What the logs of hosts call who comes with it. */
  readonly keyId: string;
  /** Hosts of any of these take it. */
  readonly principals: readonly string[];
  readonly notAfter: string;
}

export const sshCertificateSchema: z.ZodType<SshCertificate> = z
  .object({
    certificate: z.string(),
    serial: z.string(),
    keyId: z.string(),
    principals: z.array(z.string()),
    notAfter: timeSchema,
  })
  .meta({ id: 'SshCertificate' });

/** What a device asks about its ssh server. */
export interface DeviceSshAsk {
  /** The key of the host. */
  readonly hostKey: string;
  /** Whether it wants a new certificate for it, or only to know whom to let in. */
  readonly renew: boolean;
}

export const deviceSshAskSchema: z.ZodType<DeviceSshAsk> = z.strictObject({
  hostKey: publicKeySchema,
  renew: z.boolean(),
});

export interface DeviceSshAnswer {
  /** Of the host, for the name of the device; null: none was asked for. */
  readonly certificate: string | null;
  readonly notAfter: string | null;
  /** Whom to let in: certificates of this authority for any of these principals. */
  readonly userAuthority: string;
  readonly principals: readonly string[];
  /** And whom not: a key revocation list of OpenSSH, base64. */
  readonly revoked: string;
}

export const deviceSshAnswerSchema: z.ZodType<DeviceSshAnswer> = z.object({
  certificate: z.string().nullable(),
  notAfter: timeSchema.nullable(),
  userAuthority: z.string(),
  principals: z.array(z.string()),
  revoked: z.base64(),
});
