import { join } from 'node:path';
import { makeTempDir } from '@slipway/core';
import { type LayoutReference, layoutSource, type TarInput } from '@slipway/oci';
import { describe, expect, test } from 'vitest';
import { file, link, member, treeOf, writeLayeredImage } from '../testing/layered-image.ts';
import { rechunkImage } from './rechunk-image.ts';

const STATUS = `Package: tool
Status: install ok installed
Architecture: amd64
Version: 1.0-1

Package: libtool
Source: tool (1.0)
Status: install ok installed
Architecture: amd64
Multi-Arch: same
Version: 1.0-1+b1

Package: gone
Status: deinstall ok config-files
Architecture: amd64
Version: 3
`;
const ADMIN = 'usr/lib/sysimage/dpkg';
const capability = new Map([
  ['security.capability', Buffer.from('0100000200200000000000000000000000000000', 'hex')],
]);

const BASE: readonly TarInput[] = [
  member('./', { mtimeSec: 1_600_000_000 }),
  ...['usr/', 'usr/bin/', 'usr/lib/', 'usr/lib/sysimage/', `${ADMIN}/`, `${ADMIN}/info/`].map((path) =>
    member(path),
  ),
  ...['etc/', 'var/', 'var/lib/', 'dev/', 'srv/', 'srv/empty/'].map((path) => member(path, { mtimeNsec: 7 })),
  link('bin', 'usr/bin'),
  link('var/lib/dpkg', '../../usr/lib/sysimage/dpkg'),
  file(`${ADMIN}/status`, STATUS),
  file(`${ADMIN}/info/tool.list`, '/.\n/bin\n/bin/tool\n/usr/bin/tool2\n/usr/share/doc\n'),
  file(`${ADMIN}/info/tool.md5sums`, 'x  usr/bin/tool\n'),
  file(`${ADMIN}/info/libtool:amd64.list`, '/.\n/usr/lib/libtool.so.1\n/usr/lib/libtool.so\n'),
  file('usr/bin/tool', 'x'.repeat(5000), { mode: 0o4755, mtimeNsec: 987_654_321, xattrs: capability }),
  link('usr/bin/tool2', 'usr/bin/tool', 'hardlink'),
  file('usr/lib/libtool.so.1', 'so'.repeat(400)),
  link('usr/lib/libtool.so', 'libtool.so.1'),
  file('etc/motd', 'hello'),
  file('etc/gone', 'gone'),
  member('dev/null', { kind: 'character-device', mode: 0o666, deviceMajor: 1, deviceMinor: 3 }),
  member('dev/pipe', { kind: 'fifo', mode: 0o600 }),
];
const TOP: readonly TarInput[] = [
  member('etc/', { mode: 0o750, gid: 4 }),
  member('etc/.wh.gone'),
  file('etc/other \xc3\xa9', 'x'),
  link('etc/tool-link', 'usr/bin/tool', 'hardlink'),
  file('opt/shop/server', 'js'.repeat(999)),
];

async function rechunked(
  image: LayoutReference,
  tag: string,
  more: Partial<Parameters<typeof rechunkImage>[0]> = {},
) {
  const output: LayoutReference = { ...image, tag };
  const report = await rechunkImage({ image, output, architecture: 'amd64', ...more });
  return { output, report };
}

describe('a rechunked image', () => {
  test('has exactly the tree of the image: links, times, attributes, owners, whiteouts applied', async () => {
    await using directory = await makeTempDir('rechunk');
    const image = await writeLayeredImage(join(directory.path, 'l'), 'v1', [BASE, TOP]);
    const { output, report } = await rechunked(image, 'r1');
    const tree = await treeOf(output);
    expect(tree).toEqual(await treeOf(image));
    expect(tree.get('/usr/bin/tool')).toMatchObject({ firstName: '/etc/tool-link' });
    expect(tree.has('/etc/gone')).toBe(false);
    expect(report.layers.at(-1)?.name).toBe('directories');
  });

  test('has packages of one source together, found through symlinks, and generated files apart', async () => {
    await using directory = await makeTempDir('rechunk');
    const image = await writeLayeredImage(join(directory.path, 'l'), 'v1', [BASE, TOP]);
    const { report } = await rechunked(image, 'r1');
    const withPackages = report.layers.filter(({ contents }) =>
      contents.some((name) => name.startsWith('package:')),
    );
    expect(withPackages.map(({ contents }) => contents)).toEqual([['package:tool']]);
    const generated = report.layers.find(({ name }) => name === 'generated');
    expect(generated?.contents).toEqual(['etc', 'package-database', 'tree:dev', 'tree:opt/shop', 'var']);
  });

  test('is the same when it is made again, or of itself', async () => {
    await using directory = await makeTempDir('rechunk');
    const image = await writeLayeredImage(join(directory.path, 'l'), 'v1', [BASE, TOP], {
      history: [{ created_by: 'base' }, { created_by: 'ENV X', empty_layer: true }, { created_by: 'top' }],
    });
    const first = await rechunked(image, 'r1');
    const second = await rechunked(image, 'r2');
    const ofItself = await rechunked(first.output, 'r3');
    expect(second.report.digest).toBe(first.report.digest);
    expect(ofItself.report.digest).toBe(first.report.digest);
  });

  test('keeps configuration, labels and annotations, and history without the layers it was about', async () => {
    await using directory = await makeTempDir('rechunk');
    const image = await writeLayeredImage(join(directory.path, 'l'), 'v1', [BASE, TOP], {
      labels: { 'containers.bootc': '1' },
      annotations: { 'org.example.note': 'kept' },
      history: [{ created_by: 'base', comment: 'c' }, { created_by: 'top' }],
    });
    const { output, report } = await rechunked(image, 'r1');
    const { manifest, configBytes } = await layoutSource(output).resolve('amd64');
    const config = JSON.parse(Buffer.from(configBytes).toString('utf8'));
    expect(manifest.annotations).toEqual({ 'org.example.note': 'kept' });
    expect(config).toMatchObject({
      created: '2026-01-02T03:04:05Z',
      config: { Labels: { 'containers.bootc': '1' }, Cmd: ['/sbin/init'] },
    });
    expect(config.history.slice(0, 2)).toEqual([
      { created_by: 'base', comment: 'c', empty_layer: true },
      { created_by: 'top', empty_layer: true },
    ]);
    const ofLayers = config.history.filter((step: { empty_layer?: boolean }) => step.empty_layer !== true);
    expect(ofLayers).toHaveLength(report.layers.length);
  });

  test('shares all but what changed with the version before, blob by blob', async () => {
    await using directory = await makeTempDir('rechunk');
    const path = join(directory.path, 'l');
    const v1 = await writeLayeredImage(path, 'v1', [BASE, TOP]);
    const newer = [...BASE, file('opt/shop/server', 'new'), member('usr/bin/', { mtimeSec: 1_800_000_000 })];
    const v2 = await writeLayeredImage(path, 'v2', [newer, TOP.slice(0, -1)]);
    const first = await rechunked(v1, 'r1', { compression: 'gzip' });
    const second = await rechunked(v2, 'r2', { compression: 'gzip', previous: first.output });
    const apart = second.report.layers.filter(({ shared }) => !shared).map(({ name }) => name);
    expect(apart).toEqual(['generated', 'directories']);
    expect(await treeOf(second.output)).toEqual(await treeOf(v2));
    // Without the hint the layers are the same; they are only packed once more.
    const alone = await rechunked(v2, 'r3', { compression: 'gzip' });
    expect(alone.report.digest).toBe(second.report.digest);
  });

  test('gives what no package brought one time when it is told to, and the rest its own', async () => {
    await using directory = await makeTempDir('rechunk');
    const image = await writeLayeredImage(join(directory.path, 'l'), 'v1', [BASE, TOP]);
    const { output } = await rechunked(image, 'r1', { mtimeSec: 5 });
    const tree = await treeOf(output);
    const times = (path: string): unknown => (tree.get(path) as { meta: object } | undefined)?.meta;
    expect(times('/etc/motd')).toMatchObject({ mtimeSec: 5, mtimeNsec: 0 });
    expect(times('/usr/bin')).toMatchObject({ mtimeSec: 5 });
    expect(times('/usr/bin/tool')).toMatchObject({ mtimeSec: 1_700_000_000, mtimeNsec: 987_654_321 });
  });

  test('of an image without packages is still one', async () => {
    await using directory = await makeTempDir('rechunk');
    const image = await writeLayeredImage(join(directory.path, 'l'), 'v1', [[file('a/b/c', 'x')], []]);
    const { output } = await rechunked(image, 'r1');
    expect(await treeOf(output)).toEqual(await treeOf(image));
  });

  test.each([
    ['../../x', /slash in its name/],
    ['a'.repeat(300), undefined],
  ])('is refused when the database names a package %j', async (name, refusal) => {
    await using directory = await makeTempDir('rechunk');
    const status = `Package: ${name}\nStatus: install ok installed\nVersion: 1\n`;
    const image = await writeLayeredImage(join(directory.path, 'l'), 'v1', [
      [file('var/lib/dpkg/status', status)],
    ]);
    const result = rechunked(image, 'r1');
    if (refusal === undefined) await expect(result).resolves.toBeDefined();
    else await expect(result).rejects.toThrow(refusal);
  });
});
