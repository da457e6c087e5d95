import type { BootcBootEntry, BootcHost, DeploymentTrust, SlipwayStatus, StageResult } from '@slipway/host';
import { describe, expect, test } from 'vitest';
import { plainStyle, styleFor } from '../output/style.ts';
import { historyWords } from './history.ts';
import { checkWords, rollbackWords, stageWords } from './staged.ts';
import { onlyBooted, statusWords } from './status.ts';
import { HOST } from './status-sample.fixture.ts';

test('status: a block a deployment, the running one marked', () => {
  expect(statusWords(HOST, plainStyle, false).join('\n')).toBe(`\
  Staged image: registry.example/shop:stable
        Digest: sha256:${'3'.repeat(64)} (amd64)
       Version: 3 (2026-11-20T10:00:00Z)
    Deployment: cccccccccccc
        Number: 0
        Staged: 2026-11-20T12:00:00Z
          /etc: /etc/motd: changed here and in the image, kept as it is here

● Booted image: registry.example/shop:stable
        Digest: sha256:${'2'.repeat(64)} (amd64)
       Version: 2 (2026-11-19T10:00:00Z)
    Deployment: bbbbbbbbbbbb
        Number: 1
        Health: unconfirmed, 2 boot attempts left

  Rollback image: oci:/media/usb:v1
          Digest: sha256:${'1'.repeat(64)} (amd64)
         Version: none
      Deployment: aaaaaaaaaaaa
          Number: 2
          Pinned: yes, kept until slipway unpin

  Denied image: sha256:${'4'.repeat(64)}
       Version: 2.9
           Why: the upgrade did not come up in 3 attempts (2026-11-18T10:00:00Z)
         Allow: slipway allow, or upgrade --allow-denied`);
});

test('status --booted shows the one that runs', () => {
  const words = statusWords(onlyBooted(HOST), plainStyle, false);
  expect(words[0]).toBe('● Booted image: registry.example/shop:stable');
  expect(words.join('\n')).not.toContain('Rollback');
});

test('status --verbose gives whole ids and whether files are sealed', () => {
  const words = statusWords(HOST, plainStyle, true);
  expect(words).toContain(`    Deployment: ${'b'.repeat(64)}`);
  expect(words).toContain('        Sealed: yes');
});

test('who signed a deployment is said with the rule that asked for it, or that nobody was asked', () => {
  const signedBy = ['ci@shop.example (by https://login.shop.example)'];
  const verified = {
    kind: 'verified',
    policy: '/etc/containers/policy.json',
    rule: 'default',
    signedBy,
  } as const;
  const words = (trust: DeploymentTrust): string | undefined =>
    statusWords(
      { ...HOST, slipway: { ...HOST.slipway, trust: { ['b'.repeat(64)]: trust } } },
      plainStyle,
      false,
    ).find((line) => line.includes('Signature'));
  expect(words(verified)).toBe(`     Signature: by ${signedBy[0]} (default in /etc/containers/policy.json)`);
  expect(words({ ...verified, policy: null })).toBe(
    `     Signature: by ${signedBy[0]} (default where the disk was made)`,
  );
  expect(words({ kind: 'unverified', policy: null, rule: null, signedBy: [] })).toBe(
    '     Signature: not verified (no policy)',
  );
});

test('boot partitions of other disks are shown where the root lies on several', () => {
  const words = (bootCopies: SlipwayStatus['bootCopies']): readonly string[] =>
    statusWords({ ...HOST, slipway: { ...HOST.slipway, bootCopies } }, plainStyle, false).filter((line) =>
      line.includes('Boot cop'),
    );
  const copies = [
    { device: '/dev/vdb1', reason: null },
    { device: '/dev/vdc1', reason: 'no room left' },
  ];
  expect(words(null)).toEqual([]);
  expect(words([])).toEqual(['   Boot copies: none: the other disks are gone']);
  expect(words(copies)).toEqual([
    '     Boot copy: /dev/vdb1, up to date',
    '     Boot copy: /dev/vdc1, not up to date: no room left',
  ]);
});

test('a queued rollback is said at the deployment it goes to', () => {
  const queued: BootcHost = { ...HOST, status: { ...HOST.status, rollbackQueued: true } };
  expect(statusWords(queued, plainStyle, false)).toContain('          Queued: boots next');
});

test('an update that was only downloaded says what it waits for', () => {
  const { staged } = HOST.status;
  if (staged === null) throw new Error('the sample has a staged update');
  const host: BootcHost = { ...HOST, status: { ...HOST.status, staged: { ...staged, downloadOnly: true } } };
  expect(statusWords(host, plainStyle, false).join('\n')).toMatch(
    /Waits: for slipway upgrade --from-downloaded/,
  );
});

test('what was written down earlier says when', () => {
  const old: BootcHost = { ...HOST, slipway: { ...HOST.slipway, asOf: '2026-11-20T12:34:56Z' } };
  expect(statusWords(old, plainStyle, false).at(-1)).toBe(
    'as of 2026-11-20T12:34:56Z; root sees the present',
  );
});

test('nothing an image says about itself is obeyed by the terminal', () => {
  const booted: BootcBootEntry | null = HOST.status.booted;
  if (booted?.image == null) throw new Error('the sample has a booted image');
  const image = { ...booted.image, version: '2\u001b[2J', image: { image: 'a\rb', transport: 'registry' } };
  const host: BootcHost = { ...HOST, status: { ...HOST.status, booted: { ...booted, image } } };
  const text = statusWords(host, styleFor('always', true, {}), false).join('\n');
  expect(text).toContain('a\\x0db');
  expect(text).toContain('2\\x1b[2J');
  // Of escape sequences only our own colours are left.
  expect(
    text
      .split('\u001b')
      .slice(1)
      .every((rest) => /^\[\d+m/.test(rest)),
  ).toBe(true);
});

describe('staging', () => {
  const outcome = {
    deployment: 'c'.repeat(64),
    image: { image: 'registry.example/shop:stable', transport: 'registry' },
    manifestDigest: 'sha256:3',
  } as const;
  const staged: StageResult = {
    ...outcome,
    kind: 'staged',
    version: '3',
    etcConflicts: [{ path: '/etc/motd', kind: 'both-changed' }],
    etcAccounts: [{ path: '/etc/passwd', added: ['www'], changed: [], removed: ['news'] }],
    fetchedBytes: 12_000_000,
    newObjectBytes: 20_000_000,
    space: {
      root: { fileSystem: '/sysroot', freeBytes: 9e9, packedBytes: 12_000_000, unpackedBytes: null },
      boot: { fileSystem: '/boot', neededBytes: 0, freeBytes: 9e8 },
    },
  };

  test('an update', () => {
    expect(stageWords(staged, 'theirs', false)).toEqual([
      '  Queued for next boot: registry.example/shop:stable',
      '                Digest: sha256:3',
      '               Version: 3',
      '            Deployment: cccccccccccc, starts at the next boot',
      '               Fetched: 12.0 MB, 20.0 MB of new files',
      '                  /etc: /etc/passwd: merged by line: +www -news',
      '                  /etc: /etc/motd: changed here and in the image, taken from the image',
    ]);
    expect(stageWords(staged, 'ours', true).join('\n')).toContain('rebooting into it now');
  });

  test.each([
    [{ ...outcome, kind: 'up-to-date', unstaged: undefined }, '  Nothing new: registry.example/shop:stable'],
    [{ ...outcome, kind: 'already-staged' }, '  Staged before: registry.example/shop:stable'],
    [{ ...outcome, kind: 'retargeted' }, '  Now following: registry.example/shop:stable'],
  ] as const)('%j', (result, first) => {
    expect(stageWords(result, 'ours', false)[0]).toBe(first);
  });

  test('a staged update that was dropped is not passed over', () => {
    const result: StageResult = { ...outcome, kind: 'up-to-date', unstaged: 'd'.repeat(64) };
    expect(stageWords(result, 'ours', false).join('\n')).toContain('Dropped: staged dddddddddddd');
  });

  test('a check', () => {
    const check = { manifestDigest: 'sha256:3', version: '3', layers: 5, newLayers: 2, newBytes: 3_000_000 };
    const space = { fileSystem: '/', freeBytes: 9e9, packedBytes: 3_000_000, unpackedBytes: 8_000_000 };
    const trust = { kind: 'refused', policy: '/p.json', rule: 'docker', signedBy: [] } as const;
    expect(checkWords({ ...check, kind: 'available', space, trust }, 'shop')).toEqual([
      '  Update available: shop',
      '            Digest: sha256:3',
      '           Version: 3',
      '          To fetch: 2 of 5 layers, 3.0 MB at most',
      '              Room: 8.0 MB unpacked, 9.0 GB free',
      '         Signature: refused (docker in /p.json)',
    ]);
    expect(checkWords({ ...check, kind: 'up-to-date' }, 'shop')[0]).toBe('  Nothing new: shop');
  });

  test('a rollback, and one taken back', () => {
    const result = { deployment: 'a'.repeat(64), version: '1', unstaged: undefined } as const;
    expect(rollbackWords({ ...result, kind: 'queued' }, false)[0]).toBe('  Rollback queued: 1 boots next');
    expect(rollbackWords({ ...result, kind: 'cancelled' }, false)[0]).toBe(
      '  Rollback taken back: 1 boots next',
    );
  });
});

test('history: one line a record', () => {
  expect(
    historyWords([
      {
        time: '2026-11-20T12:00:00Z',
        event: 'staged',
        deployment: 'c'.repeat(64),
        version: '3',
        image: 'shop:3',
      },
      { time: '2026-11-20T12:05:00Z', event: 'failed', reason: 'no space' },
    ]),
  ).toEqual([
    '2026-11-20T12:00:00Z  staged  cccccccccccc  3  shop:3',
    '2026-11-20T12:05:00Z  failed  -  (no space)',
  ]);
});
