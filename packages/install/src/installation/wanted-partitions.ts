import type { FileSystemConfig, PartitionConfig } from '../config/types.ts';
import type { LayerRequest } from './layer-plan.ts';

/** Everything that becomes a partition, with a root where none is described. */
export function wantedPartitions({
  customizations: { disk, filesystem = [], swap },
  rootSizeBytes,
  blockSetup,
}: LayerRequest): readonly PartitionConfig[] {
  const described = [
    ...(disk?.partitions ?? []),
    ...filesystem.map(
      ({ mountpoint, minsize, size }): PartitionConfig => ({ mountpoint, minsize: minsize ?? size }),
    ),
  ].filter(({ mountpoint }) => mountpoint !== '/boot' && mountpoint !== '/boot/efi');
  if (swap !== undefined) described.push({ fs_type: 'swap', size: swap.size, label: 'swap' });
  const encryption = blockSetup === 'tpm2-luks' ? { tpm2: true } : undefined;
  const root: PartitionConfig = {
    mountpoint: '/',
    ...(rootSizeBytes === undefined ? {} : { size: rootSizeBytes }),
  };
  const own = described.map((each) => (each.mountpoint === '/' ? { encryption, ...each } : each));
  const isElsewhere = described.some(
    ({ mountpoint, logical_volumes = [], subvolumes = [] }) =>
      mountpoint === '/' || [...logical_volumes, ...subvolumes].some((each) => each.mountpoint === '/'),
  );
  if (isElsewhere || disk?.raid?.some(({ mountpoint }) => mountpoint === '/') === true) return own;
  return [...own, { ...root, encryption }];
}

/** What a partition or volume is called where nobody says. */
export function nameOf({ mountpoint, fs_type }: FileSystemConfig): string {
  if (mountpoint === '/') return 'slipway-root';
  return mountpoint?.split('/').filter(Boolean).join('-') ?? fs_type ?? 'data';
}

/** What is on a partition, in words. */
export function holdsOf({ type, encryption, mountpoint, fs_type, name }: PartitionConfig): string {
  const what =
    type === undefined || type === 'plain'
      ? (fs_type ?? (mountpoint === '/' ? 'the root' : 'ext4'))
      : `${type} ${name ?? ''}`.trim();
  const where = mountpoint === undefined || mountpoint === '/' ? '' : ` for ${mountpoint}`;
  return `${what}${where}${encryption === undefined ? '' : ', encrypted'}`;
}
