/**
 * An update on a full disk, at every fullness: run in its own user and mount namespace, where small file systems can be mounted.
 *
 *     unshare --map-root-user --mount node host-full-disk.ts DIRECTORY (root|esp|two-kernels)
 *
 * Prints one JSON object on each line: what an update did with so many bytes free, or with room for two kernels.
 */
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isSlipwayError, run } from '@slipway/core';
import { finalizeStaged, readHostState, recordBoot } from '@slipway/host';
import { pathExists } from '../../packages/host/src/directory.ts';
import { freeBytesOf } from '../../packages/host/src/failure.ts';
import {
  boot,
  deploymentIds,
  installHost,
  partsOf,
  stage,
} from '../../packages/host/src/testing/test-host.ts';
import type { TestImage } from '../../packages/host/src/testing/test-image.ts';
import { INSTALLED, UPDATED } from './host-images.ts';

/** What became of one update. */
export interface FullDiskResult {
  readonly freeBytes: number;
  readonly code: string | undefined;
  /** What the boot after it started. */
  readonly booted: 'old' | 'new' | 'broken';
  /** Bytes that did not come back. */
  readonly lostBytes: number;
  /** Whether the same update succeeds once there is room. */
  readonly recovered: boolean;
}

/** What became of an update with room for two kernels. */
export interface TwoKernelsResult {
  readonly kind: string;
  readonly rollbackWhileStaged: boolean;
  /** Whether the new one can go back to what was booted before. */
  readonly rollback: boolean;
}

const PAGE_BYTES = 4096;
async function fullDisk(directory: string, full: 'root' | 'esp'): Promise<void> {
  const model = join(directory, 'model');
  await installHost(model, INSTALLED);
  await recordBoot(await boot(model));
  for (let pages = 0; ; pages += 2) {
    const result = await updateWith(directory, model, full, pages * PAGE_BYTES);
    process.stdout.write(`${JSON.stringify(result)}\n`);
    if (result.code === undefined) return;
  }
}

async function updateWith(
  directory: string,
  model: string,
  full: 'root' | 'esp',
  freeBytes: number,
): Promise<FullDiskResult> {
  const machine = join(directory, 'machine');
  const { sysroot, esp } = partsOf(machine);
  const limited = full === 'root' ? sysroot : esp;
  await mkdir(limited, { recursive: true });
  await command('mount', '-t', 'tmpfs', '-o', 'size=64m', 'small', limited);
  try {
    await command('cp', '-a', `${model}/.`, machine);
    await resize(limited, freeBytes);
    const before = await freeBytesOf(limited);
    const code = await update(machine);
    const lostBytes = before - (await freeBytesOf(limited));
    const booted = await whatBoots(machine);
    await command('mount', '-o', 'remount,size=64m', limited);
    const recovered = code === undefined || (await update(machine)) === undefined;
    return { freeBytes: before, code, booted, lostBytes: code === undefined ? 0 : lostBytes, recovered };
  } finally {
    await command('umount', limited);
    await command('rm', '-rf', machine);
  }
}

/** Leaves so many bytes free. */
async function resize(path: string, freeBytes: number): Promise<void> {
  const used = 64 * 1024 * 1024 - (await freeBytesOf(path));
  await command('mount', '-o', `remount,size=${used + freeBytes}`, path);
}

async function update(machine: string): Promise<string | undefined> {
  try {
    const host = await boot(machine);
    await recordBoot(host);
    await stage(host, UPDATED);
    await finalizeStaged(host);
    return undefined;
  } catch (thrown) {
    return isSlipwayError(thrown) ? thrown.code : `not a SlipwayError: ${String(thrown)}`;
  }
}

async function whatBoots(machine: string): Promise<FullDiskResult['booted']> {
  try {
    const host = await boot(machine);
    const etc = await readFile(join(host.etc, 'default'), 'utf8');
    const isWhole = await pathExists(join(host.etc, 'edited'));
    if (!isWhole || (await deploymentIds(machine)).length === 0) return 'broken';
    return etc === 'v1' ? 'old' : 'new';
  } catch {
    return 'broken';
  }
}

/** Updates over updates with room for two kernels: each time the one to go back to gives way. */
async function twoKernels(directory: string): Promise<void> {
  const { esp } = partsOf(directory);
  await mkdir(esp, { recursive: true });
  await command('mount', '-t', 'tmpfs', '-o', 'size=192k', 'small', esp);
  await installHost(directory, kernelImage(1));
  for (let version = 2; version <= 5; version += 1) {
    const host = await boot(directory);
    await recordBoot(host);
    const { kind } = await stage(host, kernelImage(version));
    const { rollback } = await readHostState(host);
    await finalizeStaged(host);
    const next = await boot(directory);
    const result: TwoKernelsResult = {
      kind,
      rollbackWhileStaged: rollback !== undefined,
      rollback: (await readHostState(next)).rollback?.id === host.bootedId,
    };
    process.stdout.write(`${JSON.stringify(result)}\n`);
  }
  await command('umount', esp);
}

function kernelImage(version: number): TestImage {
  const kernel = `kernel ${version} `.repeat(6000);
  const files = { ...INSTALLED.files, 'usr/lib/modules/6.12/vmlinuz': kernel };
  return { tag: 'stable', version: String(version), files };
}

async function command(...argv: readonly [string, ...string[]]): Promise<void> {
  await run(argv, { describe: 'prepare a small disk' });
}

const [, , directory, full] = process.argv;
if (directory !== undefined && (full === 'root' || full === 'esp')) await fullDisk(directory, full);
if (directory !== undefined && full === 'two-kernels') await twoKernels(directory);
