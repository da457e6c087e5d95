import { cp, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { FsckFinding } from '@slipway/composefs';
import { makeTempDir, run } from '@slipway/core';
import { FAST_EMULATED_CPU, startVm, type Vm } from '@slipway/vm';
import { expect, test } from 'vitest';
import { guestCommand, writeGuestProgram } from './harness/guest-program.ts';
import { layeredImage } from './harness/layered-image.ts';
import { ROOT } from './harness/slipway.ts';
import { tinyLinux } from './harness/tiny-linux.ts';

// Scenario: a machine imports an image into two stores at once, one sealed by fs-verity, one not, and loses its power on the way,
// several times. After each cut every record and image is whole; the sealed store has no bad object at all, the other only
// such as nobody refers to, and they make way. In the end both hold the same image, the sealed one every object sealed.

const withinMs = 600_000;
const LAYERS = 4;

test('stores survive power cuts, and are sealed where they can be', async () => {
  await using dir = await makeTempDir('power-cut');
  const disk = await makeDisk(dir.path);
  await using vm = await startVm({
    boot: { kind: 'kernel', ...(await tinyLinux()) },
    cpuModel: FAST_EMULATED_CPU,
    memoryBytes: 1024 ** 3,
    disks: [{ path: disk, format: 'raw' }],
  });
  await vm.waitForSsh({ withinMs });
  await mount(vm);

  for (const recordsBeforeCut of [0, 1, 3]) {
    const bootId = await vm.bootId();
    await cutPowerDuringImport(vm, recordsBeforeCut);
    await vm.waitForReboot(bootId, { withinMs });
    await mount(vm);
    const sealed = await check(vm, '/data/sealed');
    const plain = await check(vm, '/data/plain');
    expect(sealed.findings).toEqual([]);
    expect(plain.findings.filter(({ kind }) => kind !== 'object-corrupt')).toEqual([]);
  }

  const sealedBefore = await check(vm, '/data/sealed');
  const sealed = await finishImport(vm, '/data/sealed', 'require');
  const plain = await finishImport(vm, '/data/plain', 'none');
  expect(sealed).toMatchObject({ reused: sealedBefore.streams, id: plain.id });
  expect(sealed.newObjects === 0 ? 'sealed' : sealed.sealing).toBe('sealed');
  expect((await check(vm, '/data/sealed')).findings).toEqual([]);
  expect((await check(vm, '/data/plain')).findings).toEqual([]);
  // Sealed by the kernel, so nobody changes it, and mounted it can be checked.
  const image = `/data/sealed/images/${sealed.id}`;
  expect(await vm.ssh(`echo more >> ${image}`)).toMatchObject({ exitCode: 1 });
});

interface StoreState {
  readonly findings: readonly FsckFinding[];
  readonly streams: number;
  readonly objects: number;
}

interface Imported {
  readonly id: string;
  readonly reused: number;
  readonly newObjects: number;
  readonly sealing: string;
}

async function mount(vm: Vm): Promise<void> {
  await vm.output('modprobe -a crc32c_generic sha512_generic ext4; mkdir -p /data; mount /dev/vda /data');
}

/** Two imports side by side; the power goes when the sealed store has objects, and this many records of layers. */
async function cutPowerDuringImport(vm: Vm, records: number): Promise<void> {
  const both = `${guest('import', '/data/sealed', 'require', '/data/layout')} >/data/log1 2>&1 &
    ${guest('import', '/data/plain', 'none', '/data/layout')} >/data/log2 2>&1 & `;
  await vm.output(both);
  const state = `ls /data/sealed/streams 2>/dev/null | wc -l; ls /data/sealed/objects 2>/dev/null | wc -l`;
  for (;;) {
    const [streams = 0, objects = 0] = (await vm.output(state)).split('\n').map(Number);
    if (objects > 5 && streams >= records) break;
    await delay(200);
  }
  await vm.reset();
}

async function check(vm: Vm, store: string): Promise<StoreState> {
  return JSON.parse(await vm.output(guest('check', store))) as StoreState;
}

async function finishImport(vm: Vm, store: string, policy: string): Promise<Imported> {
  return JSON.parse(await vm.output(guest('import', store, policy, '/data/layout'))) as Imported;
}

function guest(...args: readonly string[]): string {
  return guestCommand('/data', ...args);
}

/** A disk with Node, the guest's program and the image; its file system can seal. */
async function makeDisk(directory: string): Promise<string> {
  const tree = join(directory, 'tree');
  await writeGuestProgram(join(ROOT, 'tests/harness/store-guest.ts'), tree);
  const layout = await layeredImage(directory, {
    layers: LAYERS,
    filesPerLayer: 300,
    longFileBytes: 3_000_000,
  });
  await cp(layout, join(tree, 'layout'), { recursive: true });

  const disk = join(directory, 'disk.raw');
  await writeFile(disk, '');
  await truncate(disk, 1024 ** 3);
  await run(['mkfs.ext4', '-q', '-O', 'verity', '-d', tree, disk], { describe: 'make a file system' });
  return disk;
}
