import { readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { makeTempDir, run } from '@slipway/core';
import { type DiskFile, deriveUuid, openRawTarget, planExt4, writeExt4 } from '@slipway/disk';
import { FAST_EMULATED_CPU, startVm, type Vm } from '@slipway/vm';
import { expect, test } from 'vitest';
import { directory, file, noise } from './harness/disk-trees.ts';
import { tinyLinux } from './harness/tiny-linux.ts';

/*
 * What only a kernel with fs-verity can say about file systems of ours: it takes the seals for its own, finds every changed byte,
 * refuses writes, and grows them while they are mounted.
 */

const MIB = 1024 * 1024;
const withinMs = 300_000;

interface SealedSample {
  readonly name: string;
  readonly bytes: Buffer;
  readonly algorithm: 'sha256' | 'sha512';
}

/** Sizes around every boundary: nothing, one byte, one block, one tree level, two, the alignment of the tree. */
const SAMPLES: readonly SealedSample[] = [
  ...[0, 1, 4096, 4097, 65_536, 128 * 4096, 128 * 4096 + 1, 3_000_003].map((size) => ({
    name: `sha256-${size}`,
    bytes: noise(size, `sample ${size}`),
    algorithm: 'sha256' as const,
  })),
  ...[0, 4097, 64 * 4096 + 1].map((size) => ({
    name: `sha512-${size}`,
    bytes: noise(size, `sample ${size}`),
    algorithm: 'sha512' as const,
  })),
];

test('a kernel with fs-verity trusts the seals, finds changed bytes, and grows the file system', async () => {
  await using dir = await makeTempDir('ext4-vm');
  const good = join(dir.path, 'good.img');
  const bad = join(dir.path, 'bad.img');
  await makeImage(good);
  await damage(good, bad);
  const sizeBytes = 20 * (await readFile(good)).length;

  await using vm = await startVm({
    boot: { kind: 'kernel', ...(await tinyLinux()) },
    cpuModel: FAST_EMULATED_CPU,
    memoryBytes: 512 * MIB,
    disks: [
      { path: good, format: 'raw', sizeBytes },
      { path: bad, format: 'raw' },
    ],
  });
  await vm.waitForSsh({ withinMs });
  await vm.output(
    'modprobe -a crc32c_generic sha512_generic ext4; mkdir -p /good /bad; mount /dev/vda /good; mount /dev/vdb /bad',
  );
  const tools = await copyTools(vm, ['fsverity', 'resize2fs']);

  for (const { name, bytes, algorithm } of SAMPLES) {
    const path = join(dir.path, name);
    await writeFile(path, bytes);
    const { stdout } = await run(['fsverity', 'digest', `--hash-alg=${algorithm}`, '--compact', path], {
      describe: 'measure a file',
    });
    const expected = `${algorithm}:${stdout.toString('latin1').trim()} /good/${name}`;
    expect(await vm.output(`${tools('fsverity')} measure /good/${name}`)).toBe(expected);
    expect(await vm.output(`cat /good/${name} | wc -c`)).toBe(String(bytes.length));
  }
  expect(await vm.ssh('echo more >> /good/sha256-1')).toMatchObject({
    exitCode: 1,
    stderr: expect.stringMatching(/not permitted/),
  });

  // One changed byte in the data, in the tree or in the descriptor: an error of the read, and only of that file.
  for (const name of ['data', 'tree']) {
    expect(await vm.ssh(`cat /bad/${name} > /dev/null`)).toMatchObject({
      exitCode: 1,
      stderr: expect.stringMatching(/Input\/output error/),
    });
  }
  expect(await vm.output('cat /bad/sha256-3000003 | sha256sum')).toBe(
    await vm.output('cat /good/sha256-3000003 | sha256sum'),
  );

  await vm.output(`${tools('resize2fs')} /dev/vda`);
  const [, blocks] = /(?<size>\d+)/.exec(await vm.output("df -k /good | awk 'END { print $2 }'")) ?? [];
  expect(Number(blocks) * 1024).toBeGreaterThan(sizeBytes * 0.9);
  await vm.output(
    'dd if=/dev/zero of=/good/new bs=1M count=100 2>/dev/null; sync; cat /good/sha256-3000003 > /dev/null',
  );
});

function sealed(bytes: Buffer, verity: 'sha256' | 'sha512'): DiskFile {
  return { ...file(bytes), verity };
}

async function makeImage(path: string): Promise<void> {
  const tree = directory([
    ...SAMPLES.map(({ name, bytes, algorithm }) => [name, sealed(bytes, algorithm)] as const),
    ['data', sealed(noise(1_000_000, 'data'), 'sha256')],
    ['tree', sealed(noise(1_000_000, 'tree'), 'sha256')],
  ]);
  const plan = planExt4(tree, {
    uuid: deriveUuid('seed', 'root'),
    timeSec: 1_700_000_000,
    sizeBytes: 128 * MIB,
  });
  await using target = await openRawTarget(path, plan.sizeBytes);
  await writeExt4(target, plan);
  await target.finish();
}

/** Changes one byte in the middle of one file, and in the root of the tree of another. */
async function damage(good: string, bad: string): Promise<void> {
  const image = await readFile(good);
  const dataAt = image.indexOf(noise(1_000_000, 'data').subarray(500_000, 500_064));
  const treeFileAt = image.indexOf(noise(1_000_000, 'tree').subarray(0, 64));
  const treeAt = treeFileAt + Math.ceil(1_000_000 / 4096) * 4096;
  for (const at of [dataAt + 7, treeAt + 7]) image.writeUInt8(image.readUInt8(at) ^ 1, at);
  await writeFile(bad, image);
}

/** Brings programs of this machine with the libraries they need; gives back how to start one. */
async function copyTools(vm: Vm, names: readonly string[]): Promise<(name: string) => string> {
  const directoryInGuest = '/tmp/tools';
  await vm.output(['mkdir', '-p', directoryInGuest]);
  const files = new Set<string>();
  for (const name of names) {
    const describe = 'find a program and its libraries';
    const program = (await run(['sh', '-c', 'command -v "$1"', 'sh', name], { describe })).stdout
      .toString()
      .trim();
    files.add(program);
    const libraries = (await run(['ldd', program], { describe })).stdout.toString();
    for (const [path] of libraries.matchAll(/\/\S+/g)) files.add(path);
  }
  for (const path of files) await vm.copyTo(path, `${directoryInGuest}/${basename(path)}`);
  const loader = [...files].map((path) => basename(path)).find((name) => name.startsWith('ld-linux'));
  return (name) =>
    `${directoryInGuest}/${loader} --library-path ${directoryInGuest} ${directoryInGuest}/${name}`;
}
