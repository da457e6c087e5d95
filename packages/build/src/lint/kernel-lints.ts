/** Checks of what boots: kernel, initramfs, arguments. */
import { messageOf } from '@slipway/core';
import type { Lint } from './lint.ts';
import type { LintRoot } from './lint-root.ts';

const MODULES = 'usr/lib/modules';
/** Directory of the kernel arguments an image brings. */
export const KARGS = 'usr/lib/bootc/kargs.d';
const ROOT_SETUP = 'usr/lib/composefs/setup-root-conf.toml';

/** What a boot loader, the kernel and the initramfs need. */
export const KERNEL_LINTS: readonly Lint[] = [
  {
    name: 'kernel',
    level: 'fatal',
    summary: 'there is not more than one kernel in /usr/lib/modules',
    check: async (root) => {
      const kernels = await kernelVersions(root);
      return kernels.length < 2 ? [] : [`there are ${kernels.length} kernels: ${kernels.join(', ')}`];
    },
  },
  {
    name: 'kernel-missing',
    level: 'warning',
    summary: 'there is a kernel, in /usr/lib/modules or unified in /boot/EFI/Linux',
    check: async (root) => {
      const unified = (await root.names('boot/EFI/Linux')).some((name) => name.endsWith('.efi'));
      if (unified || (await kernelVersions(root)).length > 0) return [];
      return ['no /usr/lib/modules/*/vmlinuz: nothing to boot'];
    },
  },
  {
    name: 'kernel-initramfs',
    level: 'fatal',
    summary: 'beside the kernel there is an initramfs.img that is not empty',
    check: async (root) => {
      const wrong: string[] = [];
      for (const version of await kernelVersions(root)) {
        const path = `${MODULES}/${version}/initramfs.img`;
        if (((await root.sizeBytes(path)) ?? 0) === 0) wrong.push(`/${path} is missing or empty`);
      }
      return wrong;
    },
  },
  {
    name: 'bootc-kargs',
    level: 'fatal',
    summary: `every file of /${KARGS} can be read`,
    check: async (root, { checkKernelArguments }) => {
      const wrong: string[] = [];
      for (const name of (await root.names(KARGS)).filter((each) => each.endsWith('.toml'))) {
        const path = `${KARGS}/${name}`;
        const text = await root.text(path);
        if (text === undefined) continue;
        try {
          checkKernelArguments(text, `/${path}`);
        } catch (thrown) {
          wrong.push(messageOf(thrown));
        }
      }
      return wrong;
    },
  },
  {
    name: 'root-setup',
    level: 'fatal',
    summary: `where /${ROOT_SETUP} exists, the initramfs can read it`,
    check: async (root, { checkRootSetup }) => {
      const text = await root.text(ROOT_SETUP);
      if (text === undefined) return [];
      try {
        checkRootSetup(text, `/${ROOT_SETUP}`);
        return [];
      } catch (thrown) {
        return [messageOf(thrown)];
      }
    },
  },
  {
    name: 'baseimage-composefs',
    level: 'warning',
    summary: 'where /usr/lib/ostree/prepare-root.conf exists, it turns composefs on',
    check: async (root) => {
      const path = 'usr/lib/ostree/prepare-root.conf';
      const text = await root.text(path);
      if (text === undefined || enablesComposefs(text)) return [];
      return [`/${path} has no enabled=true in [composefs]`];
    },
  },
];

/** Versions that have a kernel. */
export async function kernelVersions(root: LintRoot): Promise<readonly string[]> {
  const versions: string[] = [];
  for (const version of await root.names(MODULES)) {
    if ((await root.kindFollowed(`${MODULES}/${version}/vmlinuz`)) === 'file') versions.push(version);
  }
  return versions;
}

/** Key files of systemd and GLib: sections in brackets, keys with `=`. */
function enablesComposefs(text: string): boolean {
  let section = '';
  for (const line of text.split('\n').map((each) => each.trim())) {
    if (line.startsWith('[')) section = line;
    const value = /^enabled\s*=\s*(?<value>\S+)$/.exec(line)?.groups?.['value'];
    if (section === '[composefs]' && value !== undefined) {
      return ['1', 'true', 'yes', 'verity', 'signed'].includes(value);
    }
  }
  return false;
}
