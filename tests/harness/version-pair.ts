import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { TarInput } from '@slipway/oci';
import { link, member } from '../../packages/composefs/src/import/testing.ts';
import { Random } from '../../packages/composefs/src/testing/random-dump.ts';
import { umociLayout } from './layered-image.ts';

/** Two versions of an image, each in a layout of its own. */
export interface VersionPair {
  /** `oci:DIR:test` */
  readonly v1: string;
  readonly v2: string;
}

const FILES = 120;
const LONG_BYTES = 1_500_000;

/** Two versions: the upper layer is another one, most of its files as they were, some changed a little, one new. */
export async function versionPair(directory: string): Promise<VersionPair> {
  const [first, second] = [join(directory, 'v1'), join(directory, 'v2')];
  await mkdir(first);
  await mkdir(second);
  const v1 = await umociLayout(first, [system(), application(1)]);
  const v2 = await umociLayout(second, [system(), application(2)]);
  return { v1: `oci:${v1}:test`, v2: `oci:${v2}:test` };
}

function system(): readonly TarInput[] {
  const directories = ['usr/', 'boot/', 'sysroot/', 'usr/lib/'].map((path) => member(path));
  return [...directories, member('usr/lib/base', { bytes: content(1, 200_000) })];
}

function application(version: 1 | 2): readonly TarInput[] {
  const files = Array.from({ length: FILES }, (_, index) => {
    const bytes = content(index + 10, 500 + index * 50);
    return member(`opt/share/${index}`, { bytes: index % 9 === 0 ? changed(bytes, version) : bytes });
  });
  return [
    member('opt/', { mtimeSec: 1_700_000_000 + version }),
    member('opt/share/'),
    ...files,
    member(`opt/libapp.so.1.${version}`, { bytes: changed(content(5, LONG_BYTES), version), mode: 0o755 }),
    link('opt/libapp.so', `libapp.so.1.${version}`),
    ...(version === 2 ? [member('opt/new', { bytes: content(7, 3000) }), member('usr/lib/.wh.base')] : []),
  ];
}

/** Text that does not pack well. */
function content(seed: number, length: number): Buffer {
  return Buffer.from(new Random(seed).hex(length), 'latin1');
}

/** Something in the middle of version 2, and a byte now and then. */
function changed(bytes: Buffer, version: 1 | 2): Buffer {
  if (version === 1) return bytes;
  const half = bytes.length >> 1;
  const fresh = Buffer.concat([bytes.subarray(0, half), Buffer.from('in version 2'), bytes.subarray(half)]);
  for (let at = 0; at < fresh.length; at += 997) fresh[at] = 0x21;
  return fresh;
}
