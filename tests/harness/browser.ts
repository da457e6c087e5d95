/** Chromium of Debian, as a person's browser: it shows what a server serves and trusts only the certificate authority it is given. */
import { createHash, X509Certificate } from 'node:crypto';
import { type Browser, type BrowserContext, chromium } from 'playwright-core';

const EXECUTABLE = '/usr/bin/chromium';

/** Starts a browser that accepts one authority, by its public key. */
export async function startBrowser(authority: string): Promise<Browser> {
  return await chromium.launch({
    executablePath: EXECUTABLE,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      `--ignore-certificate-errors-spki-list=${publicKeyHash(authority)}`,
    ],
  });
}

/** A window of a person: cookies of its own, no motion, the size of a laptop's screen. */
export async function openWindow(browser: Browser, url: string): Promise<BrowserContext> {
  return await browser.newContext({
    baseURL: url,
    viewport: { width: 1440, height: 900 },
    reducedMotion: 'reduce',
    locale: 'en-GB',
  });
}

/** Base64 of the SHA-256 of the public key (SPKI), as Chromium wants it. */
function publicKeyHash(certificate: string): string {
  const key = new X509Certificate(certificate).publicKey.export({ type: 'spki', format: 'der' });
  return createHash('sha256').update(key).digest('base64');
}
