import { createHmac } from 'node:crypto';

/**
 * The headers that say whose delivery it is and that it was not changed (standardwebhooks.com, "Signature scheme"): the receiver computes
 * the same with the secret it shares, and refuses timestamps that are old.
 *
 * @param secret `whsec_` and Base64
 * @param id the same each time a delivery is tried
 */
export function signatureHeaders(
  secret: string,
  id: string,
  nowMs: number,
  body: string,
): Readonly<Record<string, string>> {
  const timestamp = String(Math.floor(nowMs / 1000));
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
  const signature = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64');
  return { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': `v1,${signature}` };
}
