import * as fc from 'fast-check';
import type { DiskDirectory, DiskFile, DiskMetadata, DiskNode } from '../tree.ts';
import { directoryOf, fileOf, patternBytes } from './trees.ts';

/** Names of any bytes but the two no file system has. */
const NAME: fc.Arbitrary<string> = fc
  .uint8Array({ minLength: 1, maxLength: 40 })
  .map((bytes) => `n${Buffer.from(bytes).toString('latin1').replaceAll(/[/\0]/g, '_')}`);

/** An ACL of the form system calls use: one named user between the entries every ACL has. */
const ACL = Buffer.from(
  '02000000 01000700ffffffff 02000500e8030000 04000500ffffffff 10000500ffffffff 20000400ffffffff'.replaceAll(
    ' ',
    '',
  ),
  'hex',
);

const XATTRS: fc.Arbitrary<ReadonlyMap<string, Uint8Array>> = fc
  .array(
    fc.oneof(
      fc.tuple(
        NAME.map((name) => `user.${name}`),
        fc.uint8Array({ maxLength: 700 }),
      ),
      fc.tuple(
        fc.constantFrom('trusted.overlay.opaque', 'security.capability'),
        fc.uint8Array({ maxLength: 30 }),
      ),
      fc.constant<[string, Uint8Array]>(['system.posix_acl_access', ACL]),
    ),
    { maxLength: 4 },
  )
  .map((list) => new Map(list));

const META: fc.Arbitrary<DiskMetadata> = fc.record({
  mode: fc.nat(0o7777),
  uid: fc.nat(2 ** 32 - 1),
  gid: fc.nat(2 ** 32 - 1),
  mtimeSec: fc.integer({ min: -(2 ** 35), max: 2 ** 36 }),
  mtimeNsec: fc.nat(999_999_999),
  xattrs: XATTRS,
});

const FILE: fc.Arbitrary<DiskFile> = fc
  .tuple(fc.nat(300_000), META, fc.constantFrom(undefined, 'sha256', 'sha512'))
  .map(([size, meta, verity]) =>
    fileOf(patternBytes(size), { meta, ...(verity === undefined ? {} : { verity }) }),
  );

/** Data in every second run of blocks, to the last byte or with a hole at the end. */
const FILE_WITH_HOLES: fc.Arbitrary<DiskFile> = fc
  .tuple(fc.array(fc.integer({ min: 1, max: 9 }), { maxLength: 12 }), fc.nat(5000), META)
  .map(([runs, tailBytes, meta]) => {
    let block = 1;
    const data = runs.map((blocks) => {
      const range = { offsetBytes: block * 4096, lengthBytes: blocks * 4096 };
      block += blocks + 1;
      return range;
    });
    const dataBytes = data.reduce((sum, range) => sum + range.lengthBytes, 0);
    return { ...fileOf(patternBytes(dataBytes), { meta }), sizeBytes: block * 4096 + tailBytes, data };
  });

const OTHER: fc.Arbitrary<DiskNode> = fc.oneof(
  fc.record({
    kind: fc.constant('symlink' as const),
    target: fc.integer({ min: 1, max: 4095 }).map((length) => 't'.repeat(length)),
    meta: META,
  }),
  fc.record({
    kind: fc.constantFrom('character-device', 'block-device'),
    major: fc.nat(4095),
    minor: fc.nat(1_048_575),
    meta: META,
  }),
  fc.record({ kind: fc.constantFrom('fifo', 'socket'), meta: META }),
);

/** Any small tree ext4 can hold: odd names, times, owners and attributes, sealed files, holes, hard links. */
export function anyTree(): fc.Arbitrary<DiskDirectory> {
  const { tree } = fc.letrec<{ tree: DiskDirectory; node: DiskNode }>((tie) => ({
    tree: fc
      .tuple(fc.uniqueArray(fc.tuple(NAME, tie('node')), { maxLength: 10, selector: ([key]) => key }), META)
      .map(([entries, meta]) => directoryOf(Object.fromEntries(entries), meta)),
    node: fc.oneof({ depthSize: 'small' }, FILE, FILE_WITH_HOLES, OTHER, tie('tree')),
  }));
  const shared = fileOf('shared');
  return fc
    .tuple(tree, fc.boolean())
    .map(([root, hasLinks]) =>
      hasLinks
        ? { ...root, entries: new Map([...root.entries, ['link one', shared], ['link two', shared]]) }
        : root,
    );
}
