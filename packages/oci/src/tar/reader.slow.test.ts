import { execFileSync } from 'node:child_process';
import {
  linkSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ByteStream } from '@slipway/core';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { TarHeader } from './entry.ts';
import { BLOCK_BYTES, checksumOf } from './format.ts';
import { encodePaxRecord } from './pax.ts';
import { type ReadTarOptions, readTar } from './reader.ts';

/** A member and its body, all read. */
interface Read extends TarHeader {
  readonly bytes: Buffer;
}

/** Takes each piece back when it is asked for the next one. */
async function* inPieces(archive: Uint8Array, pieceBytes: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < archive.length; at += pieceBytes) {
    const piece = Uint8Array.from(archive.subarray(at, at + pieceBytes));
    yield piece;
    piece.buffer.transfer(0);
  }
}

async function readAll(
  archive: Uint8Array,
  options: ReadTarOptions = {},
  pieceBytes = 1 << 20,
): Promise<Read[]> {
  const members: Read[] = [];
  for await (const { body, ...header } of readTar(inPieces(archive, pieceBytes), options)) {
    members.push({ ...header, bytes: await collect(body) });
  }
  return members;
}

async function collect(stream: ByteStream): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(Uint8Array.from(chunk));
  return Buffer.concat(chunks);
}

/** A header block of nothing but the fields a test cares about. */
function block(fields: Readonly<Record<string, string | Buffer>>, magic = 'ustar\x0000'): Buffer {
  const places: Readonly<Record<string, number>> = {
    name: 0,
    mode: 100,
    uid: 108,
    gid: 116,
    size: 124,
    mtime: 136,
    type: 156,
    link: 157,
    major: 329,
    minor: 337,
    prefix: 345,
    sparse: 386,
    trailer: 508,
  };
  const bytes = Buffer.alloc(BLOCK_BYTES);
  bytes.write(magic, 257, 'latin1');
  for (const [key, value] of Object.entries(fields)) {
    bytes.set(typeof value === 'string' ? Buffer.from(value, 'latin1') : value, places[key] ?? 0);
  }
  bytes.write(`${checksumOf(bytes).toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return bytes;
}

function padded(body: string | Buffer): Buffer {
  const bytes = typeof body === 'string' ? Buffer.from(body, 'latin1') : body;
  return Buffer.concat([bytes, Buffer.alloc((BLOCK_BYTES - (bytes.length % BLOCK_BYTES)) % BLOCK_BYTES)]);
}

function octal(value: number): string {
  return value.toString(8);
}

function pax(records: readonly (readonly [string, string])[], type = 'x'): Buffer {
  const body = Buffer.concat(
    records.map(([key, value]) => encodePaxRecord(key, Buffer.from(value, 'latin1'))),
  );
  return Buffer.concat([block({ name: 'PaxHeaders/x', type, size: octal(body.length) }), padded(body)]);
}

const END = Buffer.alloc(2 * BLOCK_BYTES);
const FILE = block({ name: 'file', type: '0' });

describe('one member', () => {
  async function one(...parts: Buffer[]): Promise<Read> {
    const members = await readAll(Buffer.concat([...parts, END]));
    expect(members).toHaveLength(1);
    return members[0] as Read;
  }

  test('ustar: prefix, numbers, body', async () => {
    const member = await one(
      block({
        name: 'name',
        prefix: 'a/b',
        type: '0',
        mode: '0104755',
        uid: '17 ',
        gid: ' 20',
        size: '5',
        mtime: '17',
      }),
      padded('hello'),
    );
    expect(member).toMatchObject({
      kind: 'file',
      path: 'a/b/name',
      mode: 0o4755,
      uid: 15,
      gid: 16,
      mtimeSec: 15,
    });
    expect(member.bytes.toString()).toBe('hello');
  });

  test('the seventh edition: no magic, a slash marks a directory', async () => {
    expect(await one(block({ name: 'etc/', type: '\0', prefix: 'junk' }, ''))).toMatchObject({
      kind: 'directory',
      path: 'etc/',
    });
    expect(await one(block({ name: 'etc', type: '\0' }, ''))).toMatchObject({ kind: 'file', path: 'etc' });
  });

  test('star: a shorter prefix', async () => {
    const member = await one(
      block({ name: 'n', prefix: `${'p'.repeat(131)}00000000000`, type: '0', trailer: 'tar\0' }),
    );
    expect(member.path).toBe(`${'p'.repeat(131)}/n`);
  });

  test('GNU: no prefix, long name, long link, names of exactly 100 bytes', async () => {
    const full = 'x'.repeat(100);
    expect((await one(block({ name: full, type: '0', prefix: '123' }, 'ustar  \0'))).path).toBe(full);
    const member = await one(
      block({ name: '././@LongLink', type: 'L', size: octal(301) }, 'ustar  \0'),
      padded(`${'n'.repeat(300)}\0`),
      block({ name: '././@LongLink', type: 'K', size: octal(201) }, 'ustar  \0'),
      padded(`${'l'.repeat(200)}\0`),
      block({ name: 'n', link: 'l', type: '2' }, 'ustar  \0'),
    );
    expect(member).toMatchObject({ kind: 'symlink', path: 'n'.repeat(300), linkTarget: 'l'.repeat(200) });
  });

  test('base-256 numbers', async () => {
    const big = Buffer.alloc(8);
    big.writeBigUInt64BE(0x8000_0000_ffff_fffen);
    const before = Buffer.alloc(12, 0xff);
    before.writeInt8(-2, 11);
    expect(await one(block({ name: 'f', type: '0', uid: big, mtime: before }))).toMatchObject({
      uid: 0xffff_fffe,
      mtimeSec: -2,
    });
  });

  test('PAX: bytes stay bytes, sizes and times are exact', async () => {
    const member = await one(
      pax([
        ['path', 'caf\xe9'],
        ['uid', '3000000000'],
        ['gid', '7'],
        ['size', '3'],
        ['mtime', '1700000000.123456789999'],
        ['SCHILY.xattr.security.capability', '\x01\x00\x00\x02\xff\n='],
        ['SCHILY.xattr.user.empty', ''],
        ['comment', 'nobody reads this'],
      ]),
      block({ name: 'cut', type: '0', size: '7777777' }),
      padded('abc'),
    );
    expect(member).toMatchObject({
      path: 'caf\xe9',
      uid: 3_000_000_000,
      gid: 7,
      sizeBytes: 3,
      mtimeSec: 1_700_000_000,
      mtimeNsec: 123_456_789,
    });
    expect(member.bytes.toString()).toBe('abc');
    expect([...member.xattrs]).toEqual([
      ['security.capability', Uint8Array.from([1, 0, 0, 2, 255, 10, 61])],
      ['user.empty', new Uint8Array()],
    ]);
  });

  test.each([
    ['-1.5', -2, 500_000_000],
    ['-1', -1, 0],
    ['-0.1', -1, 900_000_000],
    ['-0', 0, 0],
    ['0.', 0, 0],
    ['1.000000001', 1, 1],
  ])('a PAX time of %s', async (text, mtimeSec, mtimeNsec) => {
    expect(await one(pax([['mtime', text]]), FILE)).toMatchObject({ mtimeSec, mtimeNsec });
  });

  test('global records hold for every member until changed, own records win, an empty value takes back', async () => {
    const members = await readAll(
      Buffer.concat([
        pax(
          [
            ['uid', '5'],
            ['gid', '6'],
          ],
          'g',
        ),
        FILE,
        pax([
          ['uid', '9'],
          ['gid', ''],
        ]),
        block({ name: 'two', type: '0', gid: '1' }),
        pax([['uid', '7']], 'g'),
        FILE,
        END,
      ]),
    );
    expect(members.map(({ uid, gid }) => [uid, gid])).toEqual([
      [5, 6],
      [9, 1],
      [7, 6],
    ]);
  });

  test('devices, fifo; sizes of members without a body are no bodies', async () => {
    expect(await one(block({ name: 'null', type: '3', major: '1', minor: '3' }))).toMatchObject({
      kind: 'character-device',
      deviceMajor: 1,
      deviceMinor: 3,
    });
    expect(await one(block({ name: 'sda', type: '4', major: '10', minor: '0' }))).toMatchObject({
      kind: 'block-device',
      deviceMajor: 8,
    });
    expect(await one(block({ name: 'p', type: '6' }))).toMatchObject({ kind: 'fifo' });
    expect(await one(block({ name: 'd', type: '5', size: '1000' }))).toMatchObject({
      kind: 'directory',
      sizeBytes: 0,
    });
    expect(await one(block({ name: 'h', link: 'file', type: '1', size: '1000' }))).toMatchObject({
      kind: 'hardlink',
      linkTarget: 'file',
      sizeBytes: 0,
    });
  });

  test('an archive may stop without its end mark', async () => {
    expect(await readAll(FILE)).toHaveLength(1);
    expect(await readAll(Buffer.concat([FILE, Buffer.alloc(BLOCK_BYTES)]))).toHaveLength(1);
    expect(await readAll(Buffer.alloc(0))).toHaveLength(0);
  });
});

describe('sparse files', () => {
  const wanted = Buffer.concat([
    Buffer.alloc(4),
    Buffer.from('abc'),
    Buffer.alloc(3),
    Buffer.from('de'),
    Buffer.alloc(8),
  ]);
  const entry = block({ name: 'GNUSparseFile.0/f', type: '0', size: '5' });

  test.each([
    [
      '0.0',
      [
        pax([
          ['GNU.sparse.size', '20'],
          ['GNU.sparse.numblocks', '2'],
          ['GNU.sparse.offset', '4'],
          ['GNU.sparse.numbytes', '3'],
          ['GNU.sparse.offset', '10'],
          ['GNU.sparse.numbytes', '2'],
        ]),
        entry,
        padded('abcde'),
      ],
    ],
    [
      '0.1',
      [
        pax([
          ['GNU.sparse.size', '20'],
          ['GNU.sparse.map', '4,3,10,2'],
          ['GNU.sparse.name', 'f'],
        ]),
        entry,
        padded('abcde'),
      ],
    ],
    [
      '1.0',
      [
        pax([
          ['GNU.sparse.major', '1'],
          ['GNU.sparse.minor', '0'],
          ['GNU.sparse.name', 'f'],
          ['GNU.sparse.realsize', '20'],
          ['size', '517'],
        ]),
        entry,
        padded('2\n4\n3\n10\n2\n'),
        padded('abcde'),
      ],
    ],
    [
      'old GNU',
      [
        block(
          {
            name: 'f',
            type: 'S',
            size: '5',
            sparse: `${'4'.padEnd(12, '\0')}${'3'.padEnd(12, '\0')}${'12'.padEnd(12, '\0')}${'2'.padEnd(12, '\0')}${''.padEnd(48, '\0')}\x0024`,
          },
          'ustar  \0',
        ),
        padded('abcde'),
      ],
    ],
  ])('format %s', async (_format, parts) => {
    for (const pieceBytes of [1, 7, 512, 1 << 20]) {
      const members = await readAll(Buffer.concat([...parts, FILE, END]), {}, pieceBytes);
      expect(members.map((member) => member.sizeBytes)).toEqual([20, 0]);
      expect(members[0]?.bytes).toEqual(wanted);
    }
  });

  test('bombs of holes, overlapping and lying maps are refused', async () => {
    const sparse = (size: string, map: string): Buffer =>
      Buffer.concat([
        pax([
          ['GNU.sparse.size', size],
          ['GNU.sparse.map', map],
        ]),
        entry,
        padded('abcde'),
        END,
      ]);
    await expect(readAll(sparse('20', '4,3,5,2'))).rejects.toThrow('overlaps');
    await expect(readAll(sparse('11', '4,3,10,2'))).rejects.toThrow('leaves the file');
    await expect(readAll(sparse('20', '4,3'))).rejects.toThrow('covers 3 bytes, 5 are stored');
    await expect(readAll(sparse('20', '4,3,9'))).rejects.toThrow('odd length');
    await expect(readAll(sparse('9007199254740991', '4,5'))).rejects.toThrow('unfold to over');
    await expect(readAll(sparse('2000', '4,5'), { maxHoleBytes: 1000 })).rejects.toThrow(
      'unfold to over 1000',
    );
  });
});

describe('refused, naming the member', () => {
  const cases: [string, Buffer, RegExp][] = [
    [
      'a wrong checksum',
      Buffer.concat([block({ name: 'good', type: '0' }), Buffer.alloc(BLOCK_BYTES, 1)]),
      /not a number|checksum/,
    ],
    ['an unknown type', block({ name: 'odd', type: 'M' }), /entry "odd": its type "M" is unknown/],
    [
      'a size that is no number',
      block({ name: 'odd', type: '0', size: '12x' }),
      /"odd": its size is not a number/,
    ],
    [
      'a negative size',
      block({ name: 'odd', type: '0', size: Buffer.alloc(12, 0xff) }),
      /its size is negative/,
    ],
    [
      'a huge size',
      block({ name: 'odd', type: '0', size: Buffer.concat([Buffer.of(0x80), Buffer.alloc(11, 0xff)]) }),
      /out of range/,
    ],
    [
      'a body cut short',
      Buffer.concat([block({ name: 'odd', type: '0', size: '1000' }), Buffer.alloc(100)]),
      /entry "odd": the archive ends inside its body/,
    ],
    [
      'padding cut short',
      Buffer.concat([block({ name: 'odd', type: '0', size: '3' }), Buffer.from('abc')]),
      /ends inside its body/,
    ],
    ['a header cut short', Buffer.concat([FILE, Buffer.alloc(100, 1)]), /ends inside a header/],
    ['a single zero block', Buffer.concat([FILE, Buffer.alloc(BLOCK_BYTES), FILE, END]), /single zero block/],
    [
      'an extended header without member',
      Buffer.concat([pax([['path', 'x']]), END]),
      /ends after an extended header/,
    ],
    [
      'two extended headers',
      Buffer.concat([pax([['path', 'x']]), pax([['path', 'y']]), FILE]),
      /"x": it has two extended headers/,
    ],
    ['a global name', Buffer.concat([pax([['path', 'x']], 'g'), FILE]), /global extended header sets "path"/],
    ['NUL in a name', Buffer.concat([pax([['path', 'a\0b']]), FILE]), /NUL byte/],
    ['a long name', Buffer.concat([pax([['path', 'a'.repeat(4096)]]), FILE]), /name is longer than 4095/],
    [
      'a long link',
      Buffer.concat([pax([['linkpath', 'a'.repeat(4096)]]), FILE]),
      /link target is longer than 4095/,
    ],
    [
      'a large extended header',
      block({ name: 'odd', type: 'x', size: octal(2 ** 21) }),
      /extended header is larger/,
    ],
    [
      'a record too long',
      Buffer.concat([block({ name: 'x', type: 'x', size: '10' }), padded('99 a=b\n\0'), FILE]),
      /wrong length/,
    ],
    [
      'a record without key',
      Buffer.concat([block({ name: 'x', type: 'x', size: '6' }), padded('6 =bb\n'), FILE]),
      /no key/,
    ],
    [
      'a uid out of range',
      Buffer.concat([pax([['uid', '4294967296']]), FILE]),
      /uid "4294967296" is out of range/,
    ],
    ['a time that is none', Buffer.concat([pax([['mtime', '1e5']]), FILE]), /is not a time/],
    [
      'an attribute without name',
      Buffer.concat([pax([['SCHILY.xattr.', 'x']]), FILE]),
      /extended attribute ""/,
    ],
    [
      'a large attribute',
      Buffer.concat([pax([['SCHILY.xattr.user.x', 'x'.repeat(65_537)]]), FILE]),
      /"user.x" is larger/,
    ],
  ];
  test.each(cases)('%s', async (_what, archive, message) => {
    await expect(readAll(archive)).rejects.toMatchObject({
      code: 'OCI_TAR_INVALID',
      message: expect.stringMatching(message),
    });
  });
});

describe('the stream underneath', () => {
  test('is read to its end and closed, bodies read or not', async () => {
    let ended = false;
    async function* source(): AsyncGenerator<Uint8Array> {
      yield Buffer.concat([block({ name: 'a', type: '0', size: '4000' }), Buffer.alloc(1024)]);
      yield Buffer.concat([Buffer.alloc(1024), FILE, END]);
      yield Buffer.from('whatever stands past the end');
      ended = true;
    }
    const names: string[] = [];
    for await (const entry of readTar(source())) names.push(entry.path);
    expect(names).toEqual(['a', 'file']);
    expect(ended).toBe(true);
  });

  test('is told when its reader stops early, and its own error passes through', async () => {
    let closed = false;
    async function* source(): AsyncGenerator<Uint8Array> {
      try {
        for (;;) yield FILE;
      } finally {
        closed = true;
      }
    }
    for await (const entry of readTar(source())) {
      expect(entry.path).toBe('file');
      break;
    }
    expect(closed).toBe(true);
    async function* failing(): AsyncGenerator<Uint8Array> {
      yield FILE;
      throw new Error('the network is gone');
    }
    await expect(collectNames(failing())).rejects.toThrow('the network is gone');
  });

  test('a body read too late, or twice, is an error and not other bytes', async () => {
    const archive = Buffer.concat([block({ name: 'a', type: '0', size: '3' }), padded('abc'), FILE, END]);
    const entries = readTar(inPieces(archive, 512));
    const first = (await entries.next()).value;
    await entries.next();
    expect(() => first?.body[Symbol.asyncIterator]()).toThrow(TypeError);
  });

  async function collectNames(stream: ByteStream): Promise<string[]> {
    const names: string[] = [];
    for await (const entry of readTar(stream)) names.push(entry.path);
    return names;
  }
});

test('no bytes make the reader do anything but return or refuse', async () => {
  const seeds = [
    FILE,
    pax([
      ['path', 'x'],
      ['GNU.sparse.map', '0,1'],
    ]),
    block({ name: 'a', type: 'S', size: '5' }),
    padded('hello'),
    END,
    padded('2\n4\n3\n'),
  ];
  const damaged = fc.tuple(
    fc.array(fc.oneof(fc.constantFrom(...seeds), fc.uint8Array({ minLength: 512, maxLength: 512 })), {
      maxLength: 6,
    }),
    fc.array(fc.tuple(fc.nat(3000), fc.nat(255)), { maxLength: 4 }),
    fc.boolean(),
  );
  await fc.assert(
    fc.asyncProperty(damaged, async ([parts, pokes, repairChecksums]) => {
      const archive = Buffer.concat(parts);
      for (const [at, value] of pokes) if (at < archive.length) archive[at] = value;
      const repaired = repairChecksums ? archive.length : 0;
      for (let at = 0; at + BLOCK_BYTES <= repaired; at += BLOCK_BYTES) {
        const header = archive.subarray(at, at + BLOCK_BYTES);
        header.write(`${checksumOf(header).toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
      }
      try {
        await readAll(archive, { maxHoleBytes: 1 << 20 });
      } catch (error) {
        expect(error).toMatchObject({ code: 'OCI_TAR_INVALID' });
      }
    }),
    { numRuns: 500 },
  );
});

describe('archives made by GNU tar', () => {
  let dir: string;

  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), 'slipway-tar-test-'));
    const tree = join(dir, 'tree');
    mkdirSync(join(tree, 'd'.repeat(120), 'e'.repeat(120)), { recursive: true });
    writeFileSync(join(tree, 'small'), 'hello\n', { mode: 0o640 });
    writeFileSync(join(tree, 'large'), Buffer.alloc(3_000_001, 'slipway '));
    writeFileSync(join(tree, 'd'.repeat(120), 'e'.repeat(120), 'deep'), 'deep');
    writeFileSync(Buffer.from(`${tree}/caf\xe9`, 'latin1'), 'latin');
    writeFileSync(join(tree, 'sparse'), 'start');
    truncateSync(join(tree, 'sparse'), 5_000_000);
    symlinkSync('x'.repeat(180), join(tree, 'link'));
    linkSync(join(tree, 'small'), join(tree, 'zz-hard'));
    utimesSync(join(tree, 'small'), 1_700_000_000.5, 1_700_000_000.5);
  });
  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  test.each([
    ['gnu', []],
    ['gnu', ['--sparse']],
    ['posix', []],
    ['posix', ['--sparse', '--sparse-version=0.0']],
    ['posix', ['--sparse', '--sparse-version=0.1']],
    ['posix', ['--sparse', '--sparse-version=1.0']],
  ])('%s %j', async (format, options) => {
    const tree = join(dir, 'tree');
    const file = join(dir, 'made.tar');
    execFileSync('tar', ['--sort=name', '-H', format, ...options, '-C', tree, '-cf', file, '.']);
    const members = new Map(
      (await readAll(readFileSync(file), {}, 4096)).map((member) => [member.path, member]),
    );
    const deep = `./${'d'.repeat(120)}/${'e'.repeat(120)}/deep`;
    expect([...members.keys()].toSorted()).toEqual(
      [
        './',
        `./${'d'.repeat(120)}/`,
        `./${'d'.repeat(120)}/${'e'.repeat(120)}/`,
        deep,
        './caf\xe9',
        './large',
        './link',
        './small',
        './sparse',
        './zz-hard',
      ].toSorted(),
    );
    expect(members.get('./small')).toMatchObject({
      mode: 0o640,
      mtimeSec: 1_700_000_000,
      mtimeNsec: format === 'posix' ? 500_000_000 : 0,
    });
    expect(members.get('./zz-hard')).toMatchObject({ kind: 'hardlink', linkTarget: './small' });
    expect(members.get('./link')).toMatchObject({ kind: 'symlink', linkTarget: 'x'.repeat(180) });
    for (const name of ['small', 'large', 'sparse']) {
      expect(members.get(`./${name}`)?.bytes.equals(readFileSync(join(tree, name)))).toBe(true);
    }
    expect(members.get(deep)?.bytes.toString()).toBe('deep');
  });

  test('a stream from a file', async () => {
    const file = join(dir, 'stream.tar');
    execFileSync('tar', ['-C', join(dir, 'tree'), '-cf', file, 'large', 'small']);
    await using handle = await open(file);
    let total = 0;
    for await (const entry of readTar(
      handle.createReadStream({ highWaterMark: 100_000, autoClose: false }),
    )) {
      for await (const chunk of entry.body) total += chunk.length;
    }
    expect(total).toBe(3_000_001 + 6);
  });
});
