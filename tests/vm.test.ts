import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { makeTempDir, run } from '@slipway/core';
import { FAST_EMULATED_CPU, startVm, type Vm, type VmOptions } from '@slipway/vm';
import { describe, expect, test } from 'vitest';
import { probeKvm } from '../packages/vm/src/kvm-probe.ts';
import { HOST_SEEN_BY_GUEST, startRegistry } from './harness/registry.ts';
import { ROOT } from './harness/slipway.ts';
import { tinyLinux } from './harness/tiny-linux.ts';

/** Generous: an emulated machine on a busy computer. */
const withinMs = 300_000;

async function startTiny(options: Partial<VmOptions> = {}): Promise<Vm> {
  return startVm({
    boot: { kind: 'kernel', ...(await tinyLinux()) },
    cpuModel: FAST_EMULATED_CPU,
    memoryBytes: 512 * 1024 ** 2,
    ...options,
  });
}

// Its answer under KVM is the machine's; that it can be answered at all is ours.
test('the guest that tries KVM runs to its end where instructions are only translated', async () => {
  expect(await probeKvm(new AbortController().signal, 'tcg')).toBeUndefined();
});

describe('a virtual machine', () => {
  // Scenario: one machine through its life, as a test of a system uses it.
  test('boots, is reached, takes files, reboots, loses its power, switches off', async () => {
    await using dir = await makeTempDir('vm-test');
    await using registry = await startRegistry();
    const disk = join(dir.path, 'disk.raw');
    await writeFile(disk, '');
    await truncate(disk, 1024 ** 2);
    const overlay = join(dir.path, 'overlay.qcow2');
    const bytes = Uint8Array.of(0, 255, 10);
    {
      await using vm = await startTiny({
        disks: [
          {
            path: disk,
            format: 'raw',
            changes: { kind: 'overlay', path: overlay },
            sizeBytes: 2 * 1024 ** 2,
          },
        ],
        credentials: { 'test.bytes': bytes },
      });
      await vm.waitForSsh({ withinMs });
      expect(await vm.console.find(/tiny linux is ready/)).toContain('ready');

      // Commands: words arrive as they were, failures are told apart, scripts stop at the first.
      expect(await vm.output(['printf', '%s|', 'two words', "it's", '$HOME'])).toBe("two words|it's|$HOME|");
      expect(await vm.ssh('echo out; echo err >&2; false; echo never')).toEqual({
        stdout: 'out\n',
        stderr: 'err\n',
        exitCode: 1,
      });
      expect(await vm.output(['cat'], { input: 'typed' })).toBe('typed');
      await expect(vm.output('echo why >&2; exit 7')).rejects.toMatchObject({
        code: 'VM_COMMAND_FAILED',
        message: expect.stringContaining('why'),
        details: { exitCode: 7 },
      });

      // Credentials and the size of the disk arrived; the host's loopback is at 10.0.2.2.
      expect(await vm.output('base64 < /run/credentials/test.bytes')).toBe('AP8K');
      expect(await vm.output(['cat', '/sys/block/vda/size'])).toBe(String((2 * 1024 ** 2) / 512));
      const [, port = ''] = registry.hostPort.split(':');
      const input = 'GET /v2/ HTTP/1.0\r\n\r\n';
      expect(await vm.output(['nc', '-w', '5', HOST_SEEN_BY_GUEST, port], { input })).toMatch(
        /200 OK[^]*\{\}$/,
      );

      // Files, both ways.
      await writeFile(join(dir.path, 'file'), bytes);
      await vm.copyTo(join(dir.path, 'file'), '/tmp/file');
      await vm.copyFrom('/tmp/file', join(dir.path, 'back'));
      await run(['cmp', join(dir.path, 'file'), join(dir.path, 'back')], { describe: 'compare files' });

      // A reboot, then a power cut: memory is gone, the disk is not.
      await vm.output('echo -n kept | dd of=/dev/vda conv=fsync; echo forgotten > /tmp/here');
      const first = await vm.bootId();
      const second = await vm.reboot({ withinMs });
      expect(second).not.toBe(first);
      expect(await vm.output(['head', '-c', '4', '/dev/vda'])).toBe('kept');
      await expect(vm.output(['cat', '/tmp/here'])).rejects.toMatchObject({ code: 'VM_COMMAND_FAILED' });
      await vm.reset();
      expect(await vm.waitForReboot(second, { withinMs })).not.toBe(second);

      // Switched off by itself.
      await vm.runLast('poweroff');
      await vm.waitForPowerOff({ withinMs });
      await expect(vm.ssh(['true'])).rejects.toMatchObject({ code: 'VM_UNREACHABLE' });
    }

    // A later machine finds what the overlay kept; the disk below it is untouched.
    await using later = await startTiny({
      disks: [
        { path: disk, format: 'raw', changes: { kind: 'overlay', path: overlay } },
        { path: disk, format: 'raw' },
      ],
    });
    await later.waitForSsh({ withinMs });
    expect(await later.output(['head', '-c', '4', '/dev/vda'])).toBe('kept');
    expect(await later.output('head -c 4 /dev/vdb | base64')).toBe('AAAAAA==');
  });

  test('cut off from the network where told to be', async () => {
    await using registry = await startRegistry();
    await using vm = await startTiny({ network: 'isolated' });
    await vm.waitForSsh({ withinMs });
    const [, port = ''] = registry.hostPort.split(':');
    const reached = await vm.ssh(['nc', '-w', '5', HOST_SEEN_BY_GUEST, port]);
    expect(reached.exitCode).not.toBe(0);
  });

  test('is controlled and told about over QMP', async () => {
    await using vm = await startTiny({ sshKey: false, onReboot: 'shutdown' });
    await vm.pause();
    expect(await vm.qmp.execute('query-status')).toMatchObject({ status: 'paused' });
    await vm.resume();
    expect(await vm.console.find(/tiny linux is ready/)).toBeDefined();
    vm.console.write('reboot\n');
    await vm.waitForPowerOff({ withinMs });
    const events = await Array.fromAsync(vm.qmp.events());
    expect(events.map(({ event }) => event)).toEqual(expect.arrayContaining(['STOP', 'RESUME', 'SHUTDOWN']));
    expect(events.findLast(({ event }) => event === 'SHUTDOWN')?.data).toMatchObject({ guest: true });
    await expect(vm.qmp.execute('no-such-command')).rejects.toMatchObject({ code: 'VM_FAILED' });
  });

  test('starts its firmware, whose variables are never replaced', async () => {
    await using dir = await makeTempDir('vm-test');
    const boot = { kind: 'uefi', variablesPath: join(dir.path, 'variables.fd') } as const;
    // Without a network: firmware that finds nothing to boot asks it, for minutes.
    await using vm = await startTiny({ boot, network: 'none' });
    expect(await vm.console.find(/BdsDxe: (starting|No bootable)/)).toBeDefined();
    await vm.powerCut();
    expect((await stat(boot.variablesPath)).size).toBeGreaterThan(0);

    await writeFile(boot.variablesPath, 'kept');
    await expect(startTiny({ boot })).rejects.toMatchObject({ code: 'VM_FAILED' });
    expect(await readFile(boot.variablesPath, 'utf8')).toBe('kept');
  });

  test('that does not come up is shown with the last of its console', async () => {
    const tiny = await tinyLinux();
    const boot = {
      kind: 'kernel',
      ...tiny,
      commandLine: 'console=ttyS0 rdinit=/nonexistent panic=-1',
    } as const;
    await using ended = await startTiny({ boot, onReboot: 'shutdown' });
    await expect(ended.waitForSsh({ withinMs })).rejects.toMatchObject({
      code: 'VM_FAILED',
      message: expect.stringContaining('Kernel panic'),
    });

    await using paused = await startTiny();
    await paused.pause();
    await expect(paused.waitForSsh({ withinMs: 2000 })).rejects.toMatchObject({ code: 'VM_UNREACHABLE' });
  });

  test('that cannot be started says why', async () => {
    await expect(startTiny({ disks: [{ path: '/nonexistent', format: 'raw' }] })).rejects.toMatchObject({
      code: 'VM_FAILED',
      message: expect.stringContaining('/nonexistent'),
    });
    const disk = { path: join(ROOT, 'package.json'), format: 'qcow2', changes: { kind: 'write' } } as const;
    await expect(startTiny({ disks: [disk] })).rejects.toMatchObject({
      code: 'VM_FAILED',
      message: expect.stringContaining('qcow2'),
    });
  });

  test('dies with the process that started it, however that ends', async () => {
    const tiny = JSON.stringify(await tinyLinux());
    const program = `
      const { startVm } = await import('@slipway/vm');
      const vm = await startVm({ boot: { kind: 'kernel', ...${tiny} }, sshKey: false, name: 'orphan' });
      console.log('started');
      await vm.exited;`;
    const owner = spawn(process.execPath, ['--input-type=module', '-e', program], {
      cwd: ROOT,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(createInterface({ input: owner.stdout }), 'line');
    const machine = (await readFile(`/proc/${owner.pid}/task/${owner.pid}/children`, 'utf8')).trim();
    expect(machine).toMatch(/^\d+$/);
    owner.kill('SIGKILL');
    await run(['timeout', '60', 'tail', `--pid=${machine}`, '-f', '/dev/null'], {
      describe: 'see the machine end',
    });
  });
});
