import { connect } from 'node:tls';

/** A server on this machine answers a greeting at once, or is not there. */
const PATIENCE_MS = 2000;

/**
 * Whether what listens at an address speaks TLS: shakes hands, judges no certificate, sends nothing.
 * False where nothing listens: the request that follows says so.
 */
export async function speaksTls(url: URL, signal?: AbortSignal): Promise<boolean> {
  signal?.throwIfAborted();
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect({
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? 443 : Number(url.port),
    rejectUnauthorized: false,
  });
  socket.setTimeout(PATIENCE_MS, () => resolve(false));
  socket.once('secureConnect', () => resolve(true));
  socket.once('error', () => resolve(false));
  socket.once('close', () => resolve(false));
  const stop = (): void => resolve(false);
  signal?.addEventListener('abort', stop, { once: true });
  try {
    const answer = await promise;
    signal?.throwIfAborted();
    return answer;
  } finally {
    signal?.removeEventListener('abort', stop);
    socket.destroy();
  }
}
