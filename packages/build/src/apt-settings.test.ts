import { describe, expect, test } from 'vitest';
import { parseAptConfig, parseReleaseUris } from './apt-settings.ts';

describe('settings of apt that are passed on', () => {
  test('only how to reach a mirror, and nothing empty', () => {
    const dump = [
      'APT::Install-Recommends "false";',
      'Acquire "";',
      'Acquire::http "";',
      'Acquire::http::Proxy "http://proxy.example:3128";',
      'Acquire::https::CaInfo "/etc/ssl/own.pem";',
      'Acquire::Languages:: "en";',
      'Acquire::Check-Valid-Until "false";',
      'Dir::Cache "var/cache/apt";',
    ].join('\n');

    expect(parseAptConfig(dump)).toEqual([
      'Acquire::http::Proxy "http://proxy.example:3128";',
      'Acquire::https::CaInfo "/etc/ssl/own.pem";',
      'Acquire::Check-Valid-Until "false";',
    ]);
  });
});

describe("the machine's Debian mirror", () => {
  test('is found among other archives, whatever release the machine runs', () => {
    const uris = [
      "'https://packages.example/node/dists/nodistro/InRelease' packages.example_node_InRelease 0 ",
      "'http://mirror.example/debian/dists/bookworm/InRelease' mirror.example_InRelease 0 ",
      "'http://mirror.example/debian/dists/bookworm-updates/InRelease' mirror.example_InRelease 0 ",
      "'http://mirror.example/debian-security/dists/bookworm-security/InRelease' mirror.example_InRelease 0 ",
      "'http://mirror.example/debian/dists/bookworm/main/binary-amd64/Packages.xz' mirror.example_Packages 0 ",
    ].join('\n');

    expect(parseReleaseUris(uris)).toEqual({
      main: 'http://mirror.example/debian',
      security: 'http://mirror.example/debian-security',
    });
  });

  test.each([
    ['no sources', ''],
    ['another distribution', "'http://archive.example/ubuntu/dists/noble/InRelease' x 0 "],
    ['a directory of packages', "'file:///srv/packages/dists/trixie/InRelease' x 0 "],
  ])('is unknown with %s', (_, uris) => {
    expect(parseReleaseUris(uris)).toBeUndefined();
  });
});
