import type { CustomFetch } from 'openid-client';
import { isSafeAddress } from './provider-options.ts';

/** Discovery documents, keys and tokens are a few kilobytes. */
const MAX_ANSWER_BYTES = 2 ** 20;
const NO_BODY: ReadonlySet<number> = new Set([101, 204, 205, 304]);

/**
 * Asks an identity provider: only over TLS or on this machine, wherever its own documents point, without following it elsewhere, and
 * reading no more than a megabyte. How long it may take is the signal's matter.
 */
export const providerFetch: CustomFetch = async (url, options) => {
  if (!isSafeAddress(new URL(url))) throw new Error(`${new URL(url).origin} is not reached by https`);
  const response = await fetch(url, { ...options, redirect: 'manual' } as RequestInit);
  const { status, headers } = response;
  return new Response(NO_BODY.has(status) ? null : await boundedBody(response), { status, headers });
};

async function boundedBody({ body }: Response): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body ?? []) {
    bytes += chunk.length;
    if (bytes > MAX_ANSWER_BYTES) throw new Error('the answer is too large');
    chunks.push(chunk);
  }
  return new Uint8Array(Buffer.concat(chunks));
}
