/** Whom a `sigstoreSigned` requirement trusts, read from where it says. */
import { type Clock, systemClock } from '@slipway/core';
import type { SigstoreSignerTrust } from './check-signatures.ts';
import type { PolicyRequirement } from './policy.ts';
import { loadMaterial, loadPublicKeys } from './public-key.ts';
import type { EntityCertificate } from './sigstore-entity.ts';
import { trustOf } from './sigstore-trust.ts';

/**
 * Reads the keys and certificates of a requirement.
 *
 * @throws SlipwayError SIGNATURE_KEY_INVALID
 */
export async function trustOfRequirement(
  { signer, rekorKeys }: Extract<PolicyRequirement, { readonly type: 'sigstoreSigned' }>,
  clock: Clock = systemClock,
): Promise<SigstoreSignerTrust> {
  const logs = rekorKeys === undefined ? [] : await loadPublicKeys(rekorKeys);
  switch (signer.kind) {
    case 'keys': {
      const keys = await loadPublicKeys(signer.keys);
      return { kind: 'keys', keys, logs: rekorKeys === undefined ? undefined : trustOf([], logs) };
    }
    case 'fulcio': {
      const trust = trustOf(await loadMaterial(signer.certificateAuthority), logs);
      const { oidcIssuer, subjectEmail } = signer;
      return {
        kind: 'identity',
        trust,
        problem: (certificate) => personProblem(certificate, subjectEmail, oidcIssuer),
      };
    }
    case 'pki':
    default: {
      const intermediates =
        signer.intermediates === undefined ? [] : await loadMaterial(signer.intermediates);
      const trust = trustOf([...(await loadMaterial(signer.roots)), ...intermediates], []);
      const { subjectEmail, subjectHostname } = signer;
      const problem = (certificate: EntityCertificate): string | undefined =>
        subjectProblem(certificate, subjectEmail, subjectHostname);
      return { kind: 'certificate', trust, nowMs: clock.nowMs(), problem };
    }
  }
}

function personProblem(certificate: EntityCertificate, email: string, issuer: string): string | undefined {
  if (certificate.issuer !== issuer)
    return `${certificate.issuer ?? 'nobody'} identified its signer, not ${issuer}`;
  return certificate.hasEmail(email) ? undefined : `it is by ${certificate.subject}, not by ${email}`;
}

function subjectProblem(
  certificate: EntityCertificate,
  email: string | undefined,
  host: string | undefined,
): string | undefined {
  const names = certificate.subject === '' ? 'somebody else' : certificate.subject;
  if (email !== undefined && !certificate.hasEmail(email)) return `it is by ${names}, not by ${email}`;
  if (host !== undefined && !certificate.hasHost(host)) return `it is by ${names}, not by ${host}`;
  return undefined;
}
