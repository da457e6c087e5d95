import { execFileSync } from 'node:child_process';
import { lstatSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { TarHeader } from './entry.ts';
import { readTar } from './reader.ts';
import { type TarInput, writeTar } from './writer.ts';

const PLAIN: TarHeader = {
  kind: 'file',
  path: 'file',
  linkTarget: '',
  mode: 0o644,
  uid: 0,
  gid: 0,
  sizeBytes: 0,
  mtimeSec: 0,
  mtimeNsec: 0,
  deviceMajor: 0,
  deviceMinor: 0,
  xattrs: new Map(),
};

async function write(entries: readonly TarInput[]): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of writeTar(entries)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

const bytesName = (maxLength: number): fc.Arbitrary<string> =>
  fc
    .uint8Array({ minLength: 1, maxLength })
    .map((bytes) => Buffer.from(bytes.map((byte) => (byte === 0 ? 0x2f : byte))).toString('latin1'));

const name = fc.oneof(bytesName(20), bytesName(400), fc.stringMatching(/^[a-z]{1,60}(\/[a-z]{1,90}){1,4}$/));

const anyEntry: fc.Arbitrary<{ header: TarHeader; body: Uint8Array }> = fc
  .record({
    kind: fc.constantFrom(
      'file',
      'directory',
      'symlink',
      'hardlink',
      'character-device',
      'block-device',
      'fifo',
    ),
    path: name,
    linkTarget: name,
    mode: fc.nat(0o7777),
    uid: fc.oneof(fc.nat(70_000), fc.nat(0xffff_ffff)),
    gid: fc.oneof(fc.nat(70_000), fc.nat(0xffff_ffff)),
    mtimeSec: fc.oneof(fc.integer(), fc.integer({ min: -(2 ** 45), max: 2 ** 45 })),
    mtimeNsec: fc.oneof(fc.constant(0), fc.nat(999_999_999)),
    device: fc.tuple(fc.nat(4095), fc.nat(1_048_575)),
    xattrs: fc.array(
      fc.tuple(
        fc.stringMatching(/^(user|security)\.[ -<>-~\x80-\xff]{1,20}$/),
        fc.uint8Array({ maxLength: 300 }),
      ),
      { maxLength: 3 },
    ),
    body: fc.uint8Array({ maxLength: 2000 }),
  })
  .map(({ kind, device, body, xattrs, ...rest }) => {
    const isDevice = kind === 'character-device' || kind === 'block-device';
    const header: TarHeader = {
      ...rest,
      kind,
      linkTarget: kind === 'symlink' || kind === 'hardlink' ? rest.linkTarget : '',
      deviceMajor: isDevice ? device[0] : 0,
      deviceMinor: isDevice ? device[1] : 0,
      sizeBytes: kind === 'file' ? body.length : 0,
      xattrs: new Map(xattrs),
    };
    return { header, body: kind === 'file' ? body : new Uint8Array() };
  });

test('whatever is written is read back the same, and is the same bytes each time', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(anyEntry, { maxLength: 5 }), async (entries) => {
      const inputs = entries.map(({ header, body }) => ({ ...header, body: [body] }));
      const archive = await write(inputs);
      expect(archive.length % 512).toBe(0);
      expect(await write(inputs)).toEqual(archive);
      const read: { header: TarHeader; body: Uint8Array }[] = [];
      for await (const { body, ...header } of readTar(Readable.from([archive]))) {
        const chunks: Uint8Array[] = [];
        for await (const chunk of body) chunks.push(chunk);
        read.push({ header, body: new Uint8Array(Buffer.concat(chunks)) });
      }
      expect(read).toEqual(entries);
    }),
    { numRuns: 300 },
  );
});

test('an ordinary member needs one block, in the ustar format', async () => {
  const archive = await write([{ ...PLAIN, path: `${'a'.repeat(150)}/${'b'.repeat(100)}` }]);
  expect(archive.length).toBe(3 * 512);
  expect(archive.toString('latin1', 257, 265)).toBe('ustar\x0000');
  expect(archive.toString('latin1', 345, 495)).toBe('a'.repeat(150));
});

test('a body that is not as long as its header says is refused', async () => {
  const body = [Buffer.from('abc')];
  await expect(write([{ ...PLAIN, sizeBytes: 4, body }])).rejects.toThrow(
    'its body has 3 bytes, its header says 4',
  );
  await expect(write([{ ...PLAIN, sizeBytes: 2, body }])).rejects.toThrow('its body has more bytes');
  await expect(write([{ ...PLAIN, sizeBytes: 2 }])).rejects.toMatchObject({ code: 'OCI_TAR_INVALID' });
});

test('what no tar can hold is refused', async () => {
  await expect(write([{ ...PLAIN, path: '' }])).rejects.toMatchObject({ code: 'OCI_TAR_INVALID' });
  await expect(write([{ ...PLAIN, path: 'a\0b' }])).rejects.toMatchObject({ code: 'OCI_TAR_INVALID' });
  await expect(write([{ ...PLAIN, kind: 'block-device', deviceMajor: 2 ** 31 }])).rejects.toThrow(
    'device number',
  );
  await expect(write([{ ...PLAIN, mtimeNsec: 1e9 }])).rejects.toThrow('nanoseconds');
});

test('GNU tar unpacks it: long names, bytes, times, links', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'slipway-tar-test-'));
  try {
    const large = Buffer.alloc(1_000_000, 'slipway ');
    const deep = `${'d'.repeat(120)}/${'e'.repeat(120)}`;
    const archive = await write([
      { ...PLAIN, kind: 'directory', path: 'dir/', mode: 0o750 },
      {
        ...PLAIN,
        path: 'dir/large',
        sizeBytes: large.length,
        body: [large.subarray(0, 7), large.subarray(7)],
      },
      { ...PLAIN, kind: 'directory', path: `${'d'.repeat(120)}/`, mode: 0o755 },
      { ...PLAIN, kind: 'directory', path: `${deep}/`, mode: 0o755 },
      { ...PLAIN, path: `${deep}/${'f'.repeat(120)}`, sizeBytes: 1, body: [Buffer.from('f')] },
      { ...PLAIN, path: 'caf\xe9', mtimeSec: -1, mtimeNsec: 500_000_000 },
      { ...PLAIN, kind: 'hardlink', path: 'hard', linkTarget: 'dir/large' },
      { ...PLAIN, kind: 'symlink', path: 'soft', linkTarget: 's'.repeat(200) },
    ]);
    writeFileSync(join(dir, 'a.tar'), archive);
    execFileSync('tar', ['-C', dir, '-xf', join(dir, 'a.tar')], { stdio: ['ignore', 'ignore', 'pipe'] });
    expect(readFileSync(join(dir, 'dir/large')).equals(large)).toBe(true);
    expect(readFileSync(join(dir, deep, 'f'.repeat(120)), 'utf8')).toBe('f');
    expect(lstatSync(join(dir, 'dir')).mode & 0o7777).toBe(0o750);
    expect(lstatSync(Buffer.from(`${dir}/caf\xe9`, 'latin1')).mtimeMs).toBe(-500);
    expect(lstatSync(join(dir, 'hard')).ino).toBe(lstatSync(join(dir, 'dir/large')).ino);
    expect(execFileSync('readlink', [join(dir, 'soft')], { encoding: 'utf8' }).trim()).toBe('s'.repeat(200));
    const listing = execFileSync('tar', ['--warning=all', '-tvf', join(dir, 'a.tar')], { encoding: 'utf8' });
    expect(listing.trim().split('\n')).toHaveLength(8);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});
