import { SlipwayError } from '@slipway/core';

/** Secrets and settings handed to the guest's systemd by name, as text or bytes. */
export type Credentials = Readonly<Record<string, string | Uint8Array>>;

/** systemd's limit for all credentials together is 1 MB; the SMBIOS table of the machine holds 64 kB. */
const MAX_TOTAL_BYTES = 48 * 1024;

/**
 * The strings of SMBIOS type 11 that carry credentials into the guest. They reach QEMU as files: an argument could be read by
 * anyone who lists processes.
 *
 * @throws SlipwayError USAGE for a name systemd would not take, or when they are too large together
 * @see https://systemd.io/CREDENTIALS, "io.systemd.credential.binary"
 */
export function smbiosCredentials(credentials: Credentials): readonly string[] {
  const strings = Object.entries(credentials).map(([name, value]) => {
    if (!/^[A-Za-z0-9._@+-]{1,255}$/.test(name) || name === '.' || name === '..') {
      throw new SlipwayError('USAGE', `cannot hand over the credential ${JSON.stringify(name)}`, {
        hint: 'a name has up to 255 letters, digits and . _ @ + -',
      });
    }
    return `io.systemd.credential.binary:${name}=${Buffer.from(value).toString('base64')}`;
  });
  const totalBytes = strings.reduce((total, text) => total + text.length + 1, 0);
  if (totalBytes > MAX_TOTAL_BYTES) {
    throw new SlipwayError('USAGE', `cannot hand over credentials of ${totalBytes} bytes in all`, {
      hint: `${MAX_TOTAL_BYTES} bytes, base64 included, is what fits; copy larger things over ssh`,
    });
  }
  return strings;
}
