import { describe, expect, test } from 'vitest';
import { smbiosCredentials } from './credentials.ts';

describe('credentials', () => {
  test('text and bytes, as systemd reads them', () => {
    expect(smbiosCredentials({ 'ssh.authorized_keys.root': 'key\n', raw: Uint8Array.of(0, 255) })).toEqual([
      'io.systemd.credential.binary:ssh.authorized_keys.root=a2V5Cg==',
      'io.systemd.credential.binary:raw=AP8=',
    ]);
  });

  test.each(['', '.', '..', 'a/b', 'a=b', 'a b', 'x'.repeat(256)])('the name %j is refused', (name) => {
    expect(() => smbiosCredentials({ [name]: '' })).toThrow(/credential/);
  });

  test('more than the table holds is refused', () => {
    expect(() => smbiosCredentials({ a: 'x'.repeat(20_000), b: 'x'.repeat(20_000) })).toThrow(
      expect.objectContaining({ code: 'USAGE' }),
    );
  });
});
