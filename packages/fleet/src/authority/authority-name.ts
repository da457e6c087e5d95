import { X509Certificate } from 'node:crypto';
import { contextTag, DER, type DerElement, derObjectIdentifier, readDer } from '@slipway/core';

/** What the certificates an authority signs say about it. */
export interface AuthorityName {
  /** DER. */
  readonly subject: Buffer;
  readonly keyIdentifier: Buffer;
}

const SUBJECT_KEY_IDENTIFIER = derObjectIdentifier('2.5.29.14');

/**
 * Name and key identifier of an authority as they stand in its certificate (PEM; RFC 5280, section 4.1): both have to be the same bytes in
 * what it signs, whichever version made it.
 *
 * @throws RangeError of a certificate of something else
 */
export function readAuthorityName(pem: string): AuthorityName {
  const [certificate] = readDer(new X509Certificate(pem).raw);
  const [signed] = contentOf(certificate);
  // Version, serial number, algorithm, issuer, validity, subject, key.
  const fields = contentOf(signed);
  const subject = fields[5];
  const extensions = fields.find(({ tag }) => tag === contextTag(3, true));
  const identifier = contentOf(contentOf(extensions)[0])
    .map(contentOf)
    .find(([type]) => type?.whole.equals(SUBJECT_KEY_IDENTIFIER))
    ?.at(-1);
  const [keyIdentifier] = contentOf(identifier);
  if (subject?.tag !== DER.sequence || keyIdentifier?.tag !== DER.octetString)
    throw new RangeError('the certificate is that of no authority');
  return { subject: subject.whole, keyIdentifier: keyIdentifier.content };
}

function contentOf(element: DerElement | undefined): readonly DerElement[] {
  return element === undefined ? [] : readDer(element.content);
}
