/**
 * A medium installs a machine whose root lies in a volume group inside an encrypted volume; the machine then asks for the passphrase on its
 * console and starts from there, its files sealed.
 */
import { rm } from 'node:fs/promises';
import { PassThrough } from 'node:stream';
import { FAST_EMULATED_CPU, startVm, type Vm } from '@slipway/vm';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { storageImage } from '../harness/images.ts';
import { emptyDisk, installMachine, makeMedium } from '../harness/installer.ts';
import { ROOT } from '../harness/slipway.ts';

const FILES = `${ROOT}/build/tests/encrypted-root`;
const DISK = `${FILES}/disk.raw`;
const GIB = 1024 ** 3;
const PASSPHRASE = 'open sesame';
/** Generous: an emulated machine on a busy computer. */
const WITHIN_MS = 1_800_000;
const say = (line: string): void => void process.stderr.write(`  ${line}\n`);

const CONFIG = `
[customizations]
hostname = "locked"

[customizations.installer]
unattended = true

[[customizations.disk.partitions]]
type = "lvm"
name = "vault"
encryption = { passphrase = "${PASSPHRASE}" }

[[customizations.disk.partitions.logical_volumes]]
name = "root"
mountpoint = "/"

[[customizations.disk.partitions.logical_volumes]]
name = "data"
mountpoint = "/var/lib/data"
size = "256 MiB"
`;

beforeAll(async () => {
  const target = 'registry.example/os:stable';
  await makeMedium({ directory: FILES, image: await storageImage(say), config: CONFIG, target }, say);
  await emptyDisk(DISK, 8 * GIB);
});
afterAll(async () => {
  await rm(FILES, { recursive: true, force: true });
});

test('a root in a volume group in an encrypted volume is installed, opened by its passphrase and mounted', async () => {
  // What a key of LUKS is made from takes up to one of them.
  await installMachine({ directory: FILES, from: 'stick', memoryBytes: 2.5 * GIB, withinMs: WITHIN_MS });
  await using vm = await startVm({
    boot: { kind: 'uefi' },
    disks: [{ path: DISK, format: 'raw', changes: { kind: 'write' } }],
    cpuModel: FAST_EMULATED_CPU,
    memoryBytes: 2.5 * GIB,
    onReboot: 'shutdown',
    consoleLogPath: `${FILES}/console.log`,
  });
  await answer(vm, /enter passphrase/i, PASSPHRASE);
  await vm.waitForSsh({ withinMs: WITHIN_MS });
  expect(await vm.output('findmnt -no SOURCE --mountpoint /sysroot')).toBe('/dev/mapper/vault-root');
  expect(await vm.output('findmnt -no OPTIONS /')).toContain('verity=require');
  expect(await vm.output('findmnt -no SOURCE /var/lib/data')).toBe('/dev/mapper/vault-data');
  expect(await vm.output('lsblk -rno TYPE -s /dev/vault/root')).toBe('lvm\ncrypt\npart\ndisk');
  expect(await vm.output('systemctl is-system-running --wait || systemctl --failed --no-legend')).toBe(
    'running',
  );
});

/** Types a line when the console asks for it. */
async function answer(vm: Vm, question: RegExp, line: string): Promise<void> {
  const [input, output] = [new PassThrough(), new PassThrough()];
  const attached = vm.console.attach({ input, output }).finally(() => output.end());
  let seen = '';
  for await (const chunk of output.iterator({ destroyOnReturn: false })) {
    seen += String(chunk);
    if (question.test(seen)) break;
  }
  output.resume();
  vm.console.write(`${line}\n`);
  // Ctrl-], which leaves the console.
  input.write('\u001d');
  await attached;
}
