import { describe, expect, test } from 'vitest';
import { proxyFor } from './proxy.ts';

const ENV = { HTTPS_PROXY: 'http://proxy.example:3128', http_proxy: 'plain.example:8080' };

describe('the proxy of the environment', () => {
  test('by scheme, in capitals or not, with or without http://', () => {
    expect(proxyFor(new URL('https://r.example/v2/'), ENV)?.href).toBe('http://proxy.example:3128/');
    expect(proxyFor(new URL('http://r.example/v2/'), ENV)?.href).toBe('http://plain.example:8080/');
    expect(proxyFor(new URL('http://r.example/v2/'), { HTTPS_PROXY: 'http://p.example' })).toBeUndefined();
    expect(
      proxyFor(new URL('https://r.example'), { HTTPS_PROXY: '', https_proxy: 'https://u:p@s.example' })?.href,
    ).toBe('https://u:p@s.example/');
  });

  test.each(['localhost', 'a.localhost', '127.0.0.1:5000', '[::1]:5000'])(
    'never for this machine: %s',
    (host) => {
      expect(proxyFor(new URL(`https://${host}/`), ENV)).toBeUndefined();
    },
  );

  test.each([
    ['*', 'r.example', true],
    ['r.example', 'r.example', true],
    ['r.example', 'a.r.example', true],
    ['r.example', 'other.example', false],
    ['r.example', 'xr.example', false],
    ['R.Example', 'r.example', true],
    ['.r.example', 'a.r.example', true],
    ['.r.example', 'r.example', false],
    ['*.r.example', 'a.r.example', true],
    ['*.r.example', 'r.example', false],
    ['a.example, r.example', 'r.example', true],
    ['r.example:5000', 'r.example:5000', true],
    ['r.example:5000', 'r.example', false],
    ['r.example:443', 'r.example', true],
    ['10.0.0.0/8', '10.1.2.3:5000', true],
    ['10.0.0.0/8', '11.1.2.3', false],
    ['10.0.0.0/8', 'r.example', false],
    ['10.0.0.0/99', '10.1.2.3', false],
    ['10.1.2.3', '10.1.2.3', true],
    ['10.1.2.3:5000', '10.1.2.3', false],
    ['fd00::/8', '[fd00::1]:5000', true],
    ['fd00::/8', '10.1.2.3', false],
    ['fd00:0::1', '[fd00::1]', true],
    ['[fd00::1]:5000', '[fd00::1]:5000', true],
    ['[fd00::1]:5000', '[fd00::1]', false],
    ['nonsense/x,,', 'r.example', false],
  ])('NO_PROXY=%s and %s', (list, host, isExempt) => {
    const found = proxyFor(new URL(`https://${host}/`), { ...ENV, NO_PROXY: list });
    expect(found === undefined).toBe(isExempt);
  });

  test.each(['socks5://p.example', 'http://', '://'])('refuses %s without showing it', (value) => {
    expect(() => proxyFor(new URL('https://r.example'), { HTTPS_PROXY: value })).toThrow(
      expect.objectContaining({
        code: 'OCI_UNREACHABLE',
        message: 'cannot reach r.example: HTTPS_PROXY names no proxy that can be used',
      }),
    );
  });
});
