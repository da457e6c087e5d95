/** What a verifier of sigstore trusts: certificate authorities, transparency logs, timestamp authorities. Nothing is asked of any network. */
import { X509Certificate } from '@sigstore/core';
import { TrustedRoot } from '@sigstore/protobuf-specs';
import { type TrustMaterial, toTrustMaterial } from '@sigstore/verify';
import { messageOf, SlipwayError } from '@slipway/core';
import type { LoadedMaterial, TrustedKey } from './public-key.ts';

/** Keys and authorities in the hands of {@link verifyEntity}. */
export interface SigstoreTrust {
  readonly material: TrustMaterial;
  /** How many of each kind of witness a signature needs. */
  readonly thresholds: { readonly ctlog: number; readonly tlog: number; readonly timestamp: number };
}

const ALWAYS = { start: new Date(0), end: new Date(8_640_000_000_000_000) } as const;

/**
 * Reads a trusted root (`trusted_root.json` of sigstore, media type `application/vnd.dev.sigstore.trustedroot+json;version=0.1`).
 *
 * Each kind of witness it knows is demanded of a signature once.
 *
 * @throws SlipwayError SIGNATURE_KEY_INVALID
 */
export function parseTrustedRoot(text: string, source: string): SigstoreTrust {
  try {
    const root = TrustedRoot.fromJSON(JSON.parse(text));
    const material = toTrustMaterial(root);
    if (material.certificateAuthorities.length === 0 && material.tlogs.length === 0) {
      throw new Error('it names neither a certificate authority nor a transparency log');
    }
    return {
      material,
      thresholds: {
        ctlog: Math.min(material.ctlogs.length, 1),
        tlog: Math.min(material.tlogs.length, 1),
        timestamp: 1,
      },
    };
  } catch (cause) {
    throw unusable(`the trusted root ${source}`, messageOf(cause), cause);
  }
}

/**
 * Trust as a policy says it: the certificate authority and the keys of transparency logs, no certificate transparency.
 *
 * @throws SlipwayError SIGNATURE_KEY_INVALID
 */
export function trustOf(authorities: readonly LoadedMaterial[], logs: readonly TrustedKey[]): SigstoreTrust {
  const certChain = authorities.flatMap(({ bytes, source }) =>
    parseCertificates(bytes.toString('utf8'), source),
  );
  return {
    material: {
      certificateAuthorities: certChain.length === 0 ? [] : [{ certChain, validFor: ALWAYS }],
      timestampAuthorities: [],
      tlogs: logs.map(({ key, fingerprint }) => ({
        logID: Buffer.from(fingerprint, 'hex'),
        baseURL: '',
        publicKey: key,
        validFor: ALWAYS,
      })),
      ctlogs: [],
      publicKey: unknownKey,
    },
    thresholds: { ctlog: 0, tlog: Math.min(logs.length, 1), timestamp: 1 },
  };
}

/** The same with one public key instead of authorities. */
export function withKey({ material, thresholds }: SigstoreTrust, { key }: TrustedKey): SigstoreTrust {
  return {
    material: { ...material, publicKey: () => ({ publicKey: key, validFor: () => true }) },
    thresholds: { ...thresholds, timestamp: 0 },
  };
}

/**
 * The same with certificates a signature brought along, as far as trusted ones signed them: so that a policy need name the root only.
 *
 * @param chain PEM; what nobody trusted signed is left out
 */
export function withIntermediates(trust: SigstoreTrust, chain: string | undefined): SigstoreTrust {
  let offered = chain === undefined ? [] : offeredCertificates(chain);
  if (offered.length === 0) return trust;
  const certificateAuthorities = trust.material.certificateAuthorities.map((authority) => {
    const certChain = [...authority.certChain];
    for (let round = 0; round < MAX_CHAIN && offered.length > 0; round += 1) {
      const added = offered.filter((offer) => certChain.some((trusted) => isIssuedBy(offer, trusted)));
      certChain.push(...added);
      offered = offered.filter((offer) => !added.includes(offer));
    }
    return { ...authority, certChain };
  });
  return { ...trust, material: { ...trust.material, certificateAuthorities } };
}

/** Longer chains are nobody's. */
const MAX_CHAIN = 8;

function offeredCertificates(chain: string): readonly X509Certificate[] {
  try {
    return parseCertificates(chain, 'the chain of a signature')
      .slice(0, MAX_CHAIN)
      .filter((certificate) => certificate.isCA && !certificate.subject.equals(certificate.issuer));
  } catch {
    return [];
  }
}

function isIssuedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  try {
    return issuer.isCA && certificate.issuer.equals(issuer.subject) && certificate.verify(issuer);
  } catch {
    return false;
  }
}

/**
 * Reads certificates in PEM.
 *
 * @throws SlipwayError SIGNATURE_KEY_INVALID
 */
export function parseCertificates(pem: string, source: string): readonly X509Certificate[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g) ?? [];
  if (blocks.length === 0) throw unusable(source, 'it holds no certificate in PEM');
  try {
    return blocks.map((block) => X509Certificate.parse(block));
  } catch (cause) {
    throw unusable(source, messageOf(cause), cause);
  }
}

function unknownKey(hint: string): never {
  throw new Error(`no key is trusted for ${JSON.stringify(hint.slice(0, 100))}`);
}

function unusable(source: string, problem: string, cause?: unknown): SlipwayError {
  return new SlipwayError('SIGNATURE_KEY_INVALID', `cannot use ${source}: ${problem}`, { cause });
}
