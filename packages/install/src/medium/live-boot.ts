/** How a live system is started: its kernel command lines, and the boot menu of a medium. */
import {
  deploymentEntry,
  ESP_PATHS,
  formatBootEntry,
  formatKernelCommandLine,
  grubFiles,
  loaderConf,
  type OrderedEntry,
  parseEntryName,
  parseKernelCommandLine,
  removeKernelArgument,
  withComposefs,
} from '@slipway/boot';
import type { Repository } from '@slipway/composefs';
import { type DiskDirectory, type DiskMetadata, deriveUuid } from '@slipway/disk';
import { bytesFile, directoryBuilder } from '../disk-tree.ts';
import { knownLoader } from '../esp-tree.ts';
import type { FirstDeployment } from '../first-deployment.ts';
import { treeCopy } from '../tree-copy.ts';

/** One line of the menu. */
export interface LiveEntry {
  readonly name: string;
  readonly title: string;
  readonly commandLine: string;
}

const KERNELS = '/live';
/** Time to choose another line. A medium that installs by itself is not waited at for longer. */
const MENU_SECONDS = 5;
const MEDIUM_SECONDS = 600;

/** Of the root of a live system: never the one of a host, whose disk may be in the same machine. */
export function liveRootUuid({ seed }: FirstDeployment): string {
  return deriveUuid(seed, 'live root file system');
}

/** The label of a medium; an image has the same one for ever. */
export function mediumLabel({ id }: FirstDeployment): string {
  return `SLIPWAY_${id.slice(0, 16).toUpperCase()}`;
}

/** The command line of a live system. @param medium its label, or `ram` where the root is in the initramfs */
export function liveCommandLine(deployment: FirstDeployment, medium: string): string {
  // The root appears when the medium was found, which slow drives and USB hubs take their time for.
  const patience = `rootflags=x-systemd.device-timeout=${MEDIUM_SECONDS}`;
  const root = `root=UUID=${liveRootUuid(deployment)} ${patience} ro slipway.live=${medium} systemd.gpt_auto=0`;
  const host = ['root', 'rw'].reduce(removeKernelArgument, parseKernelCommandLine(deployment.commandLine));
  // Its own root is always sealed, whatever the root of a disk made beside it is.
  const sealed = withComposefs(host, { id: deployment.id, verityRequired: true });
  return formatKernelCommandLine([...parseKernelCommandLine(root), ...sealed]);
}

/**
 * What a medium offers: to install what it holds, and to try it. The first is started where nobody chooses; boot loaders, too, show the
 * highest name first.
 */
export function liveEntries(deployment: FirstDeployment, medium: string): readonly LiveEntry[] {
  const commandLine = liveCommandLine(deployment, medium);
  return [
    {
      name: '2-install',
      title: `Install ${deployment.title}`,
      commandLine: `${commandLine} slipway.install`,
    },
    { name: '1-live', title: `Start ${deployment.title} from this medium, install nothing`, commandLine },
  ];
}

/** The boot partition of a medium. */
export function liveEspTree(
  repository: Repository,
  deployment: FirstDeployment,
  architecture: string,
  entries: readonly LiveEntry[],
): DiskDirectory {
  const meta: DiskMetadata = { mode: 0o755, uid: 0, gid: 0, mtimeSec: deployment.timeSec, mtimeNsec: 0 };
  const { file } = treeCopy(repository);
  const root = directoryBuilder(meta);
  root.put(knownLoader(architecture).removable, file(deployment.loader));
  root.put(`${KERNELS}/linux`, file(deployment.linux));
  root.put(`${KERNELS}/initrd`, file(deployment.initrd));
  const text = (path: string, content: string): void => root.put(path, bytesFile(Buffer.from(content), meta));
  text(
    ESP_PATHS.loaderConf,
    `${loaderConf({ timeoutSeconds: MENU_SECONDS })}default ${entries[0]?.name}.conf\n`,
  );
  const menu = entries.flatMap(({ name, title, commandLine }): readonly OrderedEntry[] => {
    const fileName = `${name}.conf`;
    const entry = deploymentEntry({ title, kernelDirectory: KERNELS, options: commandLine });
    text(`${ESP_PATHS.entries}/${fileName}`, formatBootEntry(entry));
    const parsed = parseEntryName(fileName);
    return parsed === undefined ? [] : [{ name: parsed, entry }];
  });
  if (deployment.grub !== undefined) {
    for (const [path, bytes] of grubFiles(menu, { timeoutSeconds: MENU_SECONDS })) {
      root.put(path, bytesFile(bytes, meta));
    }
  }
  return root.build();
}
