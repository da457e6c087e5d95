import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileSize, type RegularNode, readFile } from '@slipway/composefs';
import { messageOf, type OperationOptions, operation, roundUp, SlipwayError } from '@slipway/core';
import { type DiskTarget, type Ext4Plan, openRawTarget, windowOf, writeExt4 } from '@slipway/disk';
import type { PreparedHost } from '../prepare-host.ts';
import type { MediumRequest } from '../request.ts';
import { renamed } from '../write-disk.ts';
import { type CpioFrame, cpioFrame } from './cpio.ts';
import { type LiveEntry, liveEntries } from './live-boot.ts';
import { type LiveParts, planLiveRoot } from './live-root.ts';

/** Files for a server machines start from. */
export interface PxePlan {
  readonly host: PreparedHost;
  readonly root: Ext4Plan;
  readonly frame: CpioFrame;
  readonly entries: readonly LiveEntry[];
}

/** Where the initramfs looks for its root (os/dracut/90slipway/slipway-live.sh). */
const ROOT_IN_INITRAMFS = 'slipway.img';
/**
 * Where the next archive begins, a kernel looks at multiples of this only; zeros before it are passed over. A kernel that UEFI starts puts
 * what it loads together without any.
 */
const ARCHIVE_ALIGNMENT = 4;
export const PXE_FILES = ['linux', 'initrd', 'root.cpio', 'boot.ipxe', 'README.md'] as const;

/** Lays out what is loaded over the network. Nothing is written. @throws SlipwayError DISK_TREE_INVALID when it is too large */
export function planPxe(parts: LiveParts, request: MediumRequest): PxePlan {
  const { host } = parts;
  const root = planLiveRoot(parts, request);
  const { sizeBytes } = root;
  const { timeSec } = host.deployment;
  return {
    host,
    root,
    frame: cpioFrame(ROOT_IN_INITRAMFS, { sizeBytes, mode: 0o400, timeSec }),
    entries: liveEntries(host.deployment, 'ram'),
  };
}

/**
 * Writes the files into a directory. Each stands under its name only when it is complete; a power cut leaves some of them, and the
 * script that names them is the last.
 */
export async function writePxe(directory: string, plan: PxePlan, options: OperationOptions): Promise<void> {
  const { root, frame, entries, host } = plan;
  const { deployment, repository } = host;
  await mkdir(directory, { recursive: true }).catch((cause: unknown) => {
    throw new SlipwayError('IO_FAILED', `cannot make the directory ${directory}: ${messageOf(cause)}`, {
      cause,
    });
  });
  const copy = async (name: string, node: RegularNode, multipleOf = 1): Promise<void> => {
    await writeFile(join(directory, name), roundUp(fileSize(node), multipleOf), async (target) => {
      let at = 0;
      for await (const chunk of readFile(repository, node)) {
        await target.write(at, chunk);
        at += chunk.length;
      }
    });
  };
  const text = async (name: string, content: string): Promise<void> => {
    const bytes = Buffer.from(content);
    await writeFile(join(directory, name), bytes.length, (target) => target.write(0, bytes));
  };
  await copy('linux', deployment.linux);
  await copy('initrd', deployment.initrd, ARCHIVE_ALIGNMENT);
  const { before, after } = frame;
  const progress = renamed(operation(options).progress, 'write root.cpio');
  await writeFile(
    join(directory, 'root.cpio'),
    before.length + root.sizeBytes + after.length,
    async (target) => {
      await target.write(0, before);
      await writeExt4(windowOf(target, before.length, root.sizeBytes), root, { ...options, progress });
      await target.write(before.length + root.sizeBytes, after);
    },
  );
  await text('README.md', readme(plan));
  await text('boot.ipxe', ipxeScript(deployment.title, entries));
}

async function writeFile(
  path: string,
  sizeBytes: number,
  write: (target: DiskTarget) => Promise<void>,
): Promise<void> {
  await using target = await openRawTarget(path, sizeBytes);
  await write(target);
  await target.finish();
}

/** Names without an address are beside the script, wherever that came from. */
function ipxeScript(title: string, entries: readonly LiveEntry[]): string {
  const [install, live] = entries;
  return `#!ipxe
menu ${asLine(title)}
item install ${asLine(install?.title ?? '')}
item live ${asLine(live?.title ?? '')}
choose --timeout 10000 --default install target && goto \${target}

:install
kernel linux initrd=initrd initrd=root.cpio ${install?.commandLine}
goto start

:live
kernel linux initrd=initrd initrd=root.cpio ${live?.commandLine}

:start
initrd initrd
initrd root.cpio
boot
`;
}

function asLine(text: string): string {
  return text.replaceAll(/[^\x20-\x7e]/g, '?').replaceAll('$', '');
}

function readme({ host, root, entries }: PxePlan): string {
  const mebibytes = Math.ceil(root.sizeBytes / 1024 ** 2);
  return `# ${host.deployment.title}, started over the network

Put this directory where machines reach it by HTTP, and chain to boot.ipxe:

    chain http://server.example/pxe/boot.ipxe

Any other loader: kernel linux, then initrd and root.cpio as initramfs in this order, with the command line

    ${entries[0]?.commandLine}

Without slipway.install at its end the system starts and installs nothing. Add to it:

    slipway.config=http://server.example/host.toml     what the machine becomes
    inst.ks=http://server.example/host.ks              the same from a kickstart file, which asks nothing
    slipway.unattended                                 asks nothing: erases its only disk
    slipway.device=/dev/nvme0n1                        the disk, where there are several
    slipway.after=poweroff                             instead of a reboot

A machine needs ${Math.ceil((2 * mebibytes + 700) / 1024)} GiB of memory: the image is in it twice while it is unpacked, once afterwards. No network is needed any
more once the kernel runs.
`;
}
