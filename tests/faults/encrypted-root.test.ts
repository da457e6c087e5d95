/**
 * A medium installs a machine whose root lies in a volume group inside an encrypted volume; the machine then asks for the passphrase on its
 * console and starts from there, its files sealed. Another one's root opens by the TPM of the machine, and by nothing else but the recovery key.
 */
import { readFile, rm } from 'node:fs/promises';
import { PassThrough } from 'node:stream';
import { makeTempDir } from '@slipway/core';
import { FAST_EMULATED_CPU, makeSshKey, type SshKey, startVm, type Vm } from '@slipway/vm';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { storageImage } from '../harness/images.ts';
import { emptyDisk, installMachine, makeMedium } from '../harness/installer.ts';
import { ROOT } from '../harness/slipway.ts';
import { SYSTEM_STATE } from '../harness/system-state.ts';

const FILES = `${ROOT}/build/tests/encrypted-root`;
const DISK = `${FILES}/disk.raw`;
const GIB = 1024 ** 3;
const PASSPHRASE = 'open sesame';
/** Generous: an emulated machine on a busy computer. */
const WITHIN_MS = 1_800_000;
const say = (line: string): void => void process.stderr.write(`  ${line}\n`);

const INSTALLER = `
[customizations]
hostname = "locked"

[customizations.installer]
unattended = true
`;

const BY_PASSPHRASE = `${INSTALLER}
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

const BY_TPM = `${INSTALLER}
[[customizations.disk.partitions]]
type = "plain"
mountpoint = "/"
encryption = { tpm2 = true }
`;

const resources = new AsyncDisposableStack();
/** One for all starts: a disk keeps the key it was given first. */
let sshKey: SshKey;

beforeAll(async () => {
  sshKey = await makeSshKey(resources.use(await makeTempDir('encrypted-root')).path);
});

afterAll(async () => {
  await rm(FILES, { recursive: true, force: true });
  await resources.disposeAsync();
});

test('a root in a volume group in an encrypted volume is installed, opened by its passphrase and mounted', async () => {
  await install(BY_PASSPHRASE);
  await using vm = await startInstalled();
  await answer(vm, /enter passphrase/i, PASSPHRASE);
  await vm.waitForSsh({ withinMs: WITHIN_MS });
  expect(await vm.output('findmnt -no SOURCE --mountpoint /sysroot')).toBe('/dev/mapper/vault-root');
  expect(await vm.output('findmnt -no SOURCE /var/lib/data')).toBe('/dev/mapper/vault-data');
  expect(await vm.output('lsblk -rno TYPE -s /dev/vault/root')).toBe('lvm\ncrypt\npart\ndisk');
  await expectSealed(vm);
});

test('a root the TPM opens comes up with nobody there, and in a machine with another TPM asks for the recovery key', async () => {
  const tpmDirectory = `${FILES}/tpm`;
  await install(BY_TPM, tpmDirectory);
  const key = /(?:[cbdefghijklnrtuv]{8}-){7}[cbdefghijklnrtuv]{8}/.exec(
    await readFile(`${FILES}/installer.log`, 'utf8'),
  )?.[0];
  expect(key).toBeDefined();
  {
    await using vm = await startInstalled(tpmDirectory);
    await vm.waitForSsh({ withinMs: WITHIN_MS });
    expect(await vm.output('lsblk -rno TYPE -s "$(findmnt -no SOURCE --mountpoint /sysroot)"')).toBe(
      'crypt\npart\ndisk',
    );
    await expectSealed(vm);
    await vm.powerOff({ withinMs: WITHIN_MS });
  }
  await using vm = await startInstalled(`${FILES}/other-tpm`);
  await answer(vm, /enter .*(?:passphrase|recovery key)/i, key ?? '');
  await vm.waitForSsh({ withinMs: WITHIN_MS });
});

async function install(config: string, tpmDirectory?: string): Promise<void> {
  const target = 'registry.example/os:stable';
  await makeMedium({ directory: FILES, image: await storageImage(say), config, target }, say);
  await emptyDisk(DISK, 8 * GIB);
  await installMachine({
    directory: FILES,
    from: 'stick',
    // What a key of LUKS is made from takes up to one of them.
    memoryBytes: 2.5 * GIB,
    withinMs: WITHIN_MS,
    ...(tpmDirectory === undefined ? {} : { tpmDirectory }),
  });
}

async function startInstalled(tpmDirectory?: string): Promise<Vm> {
  return await startVm({
    boot: { kind: 'uefi' },
    disks: [{ path: DISK, format: 'raw', changes: { kind: 'write' } }],
    ...(tpmDirectory === undefined ? {} : { tpmDirectory }),
    cpuModel: FAST_EMULATED_CPU,
    memoryBytes: 2.5 * GIB,
    onReboot: 'shutdown',
    sshKey,
    consoleLogPath: `${FILES}/console.log`,
  });
}

async function expectSealed(vm: Vm): Promise<void> {
  expect(await vm.output('findmnt -no OPTIONS /')).toContain('verity=require');
  expect(await vm.output(SYSTEM_STATE)).toBe('running');
}

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
