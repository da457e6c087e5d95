/** GRUB of our own assembly on a BIOS: the menu it reads, the attempts it counts. */
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { makeTempDir } from '@slipway/core';
import {
  deriveUuid,
  layoutGpt,
  openRawSource,
  openRawTarget,
  PARTITION_TYPES,
  planFat,
  readFat,
  sourceWindow,
  writeFat,
  writeGptDisk,
} from '@slipway/disk';
import { FAST_EMULATED_CPU, startVm } from '@slipway/vm';
import { expect, test } from 'vitest';
import {
  assembleGrubCore,
  deploymentEntry,
  GRUB_MODULES,
  grubFiles,
  kernelDirectory,
  parseEntryName,
  placeGrub,
} from '../packages/boot/src/index.ts';
import { collectBytes } from '../packages/core/src/index.ts';
import type { DiskDirectory, DiskFile, DiskNode } from '../packages/disk/src/index.ts';
import { type TinyLinux, tinyLinux } from './harness/tiny-linux.ts';

/** Generous: an emulated machine on a busy computer. */
const withinMs = 600_000;
const MIB = 1024 ** 2;
const META = { mode: 0o755, uid: 0, gid: 0, mtimeSec: 1_700_000_000, mtimeNsec: 0 };
const ESP_UUID = deriveUuid('grub', 'esp');
const ID = 'ab'.repeat(32);

function file(bytes: Uint8Array): DiskFile {
  return {
    kind: 'file',
    meta: META,
    sizeBytes: bytes.length,
    async *open() {
      yield bytes;
    },
  };
}

function directory(entries: Readonly<Record<string, DiskNode>>): DiskDirectory {
  return { kind: 'directory', meta: META, entries: new Map(Object.entries(entries)) };
}

/** The menu a host had, and beside it the one that was being written when power was cut. */
function grubDirectory(linux: TinyLinux): DiskDirectory {
  const entry = (fileName: string, options: string) => {
    const name = parseEntryName(fileName);
    if (name === undefined) throw new Error(`${fileName} is no entry`);
    return {
      name,
      entry: deploymentEntry({ title: fileName, kernelDirectory: kernelDirectory(ID), options }),
    };
  };
  const entries = [
    // Panics, and reboots at once.
    entry('slipway-2+3.conf', 'console=ttyS0 panic=-1 rdinit=/nowhere root=/dev/nothing'),
    entry('slipway-1.conf', `${linux.commandLine} dyndbg="file a.c +p"`),
  ];
  const files = grubFiles(entries, { timeoutSeconds: 0 });
  const bytes = (name: string): Buffer => files.get(`grub/${name}`) ?? Buffer.alloc(0);
  return directory({
    'grub.cfg': file(bytes('grub.cfg')),
    'entries.cfg': file(bytes('entries.cfg').subarray(0, 700)),
    'entries.old.cfg': file(bytes('entries.cfg')),
    grubenv: file(bytes('grubenv')),
  });
}

async function makeDisk(path: string, linux: TinyLinux): Promise<void> {
  const read = (name: string): Promise<Buffer> => readFile(join('/usr/lib/grub/i386-pc', name));
  const core = await assembleGrubCore(read, { modules: GRUB_MODULES, prefix: '(,gpt1)/grub' });
  const kernel = directory({
    linux: file(await readFile(linux.kernelPath)),
    initrd: file(await readFile(linux.initrdPath)),
  });
  const root = directory({
    EFI: directory({ Linux: directory({ [`slipway-${ID}`]: kernel }) }),
    grub: grubDirectory(linux),
  });
  const biosUuid = deriveUuid('grub', 'bios');
  const espBytes = 64 * MIB + (await stat(linux.initrdPath)).size;
  const layout = layoutGpt({
    diskUuid: deriveUuid('grub', 'disk'),
    partitions: [
      { type: PARTITION_TYPES.esp, uuid: ESP_UUID, label: 'esp', sizeBytes: espBytes },
      { type: PARTITION_TYPES.biosBoot, uuid: biosUuid, label: 'bios', sizeBytes: MIB },
    ],
  });
  const [esp, bios] = layout.partitions;
  if (esp === undefined || bios === undefined) throw new Error('no partitions');
  const placed = placeGrub(await read('boot.img'), core, {
    firstSector: bios.offsetBytes / 512,
    sizeBytes: bios.sizeBytes,
  });
  const plan = planFat(root, { uuid: ESP_UUID, timeSec: META.mtimeSec, sizeBytes: esp.sizeBytes });
  await using target = await openRawTarget(path, layout.sizeBytes);
  await writeGptDisk(target, layout, {
    bootCode: placed.bootCode,
    partitions: new Map([
      [ESP_UUID, (window, operation) => writeFat(window, plan, operation)],
      [biosUuid, (window) => window.write(0, placed.core)],
    ]),
  });
  await target.finish();
}

/** What GRUB wrote down on the disk. */
async function environmentOf(path: string): Promise<string> {
  await using disk = await openRawSource(path);
  const { root } = await readFat(sourceWindow(disk, MIB, disk.sizeBytes - 3 * MIB));
  const grub = root.entries.get('grub');
  const found = grub?.kind === 'directory' ? grub.entries.get('grubenv') : undefined;
  if (found?.kind !== 'file') throw new Error('no grubenv');
  return (await collectBytes(found.open(), 4096, () => new Error('too large'))).toString('latin1');
}

test('starts what has attempts left, counts them on the disk, and goes back when they are spent', async () => {
  await using scratch = await makeTempDir('grub-vm');
  const disk = join(scratch.path, 'disk.raw');
  const linux = await tinyLinux();
  await makeDisk(disk, linux);
  await using vm = await startVm({
    boot: { kind: 'bios' },
    disks: [{ path: disk, format: 'raw', changes: { kind: 'write' } }],
    cpuModel: FAST_EMULATED_CPU,
    memoryBytes: 512 * MIB,
  });
  await vm.waitForSsh({ withinMs });

  const given = await vm.output('cat /proc/cmdline');
  expect(given).toMatch(/^BOOT_IMAGE=\S+linux console=ttyS0 rdinit=\/init panic=-1 "dyndbg=file a\.c \+p" /);
  expect(given).toContain(` slipway.entry=slipway-1.conf slipway.boot=${ESP_UUID}`);
  // Each step is taken from the one before only: three attempts were made.
  expect(await environmentOf(disk)).toContain('\ntries_slipway_2d2=0-3\n');
});
