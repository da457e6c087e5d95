import { expect, test } from 'vitest';
import { configOf } from '../config/load-config.ts';
import { configuredSelection } from '../kickstart/disk-selection.ts';
import { findDisks, namedDisks } from './install-disks.ts';
import type { DiskInstallRequest } from './request.ts';

const CONFIG = `[customizations.disk]
boot_drive = "/dev/disk/by-id/usb-stick"
[[customizations.disk.partitions]]
mountpoint = "/srv"
size = "1 GiB"
device = "none-such"
`;

function request(text: string): DiskInstallRequest {
  const config = configOf('config.toml', text, 'installer');
  const selection = configuredSelection(config.config.customizations?.disk ?? {});
  return { device: '/dev/null', isFile: false, mayWipe: false, config, selection } as DiskInstallRequest;
}

test('disks are named by partitions, then by the one that starts the machine', () => {
  const { config } = configOf('config.toml', CONFIG, 'installer');
  expect(namedDisks(config.customizations ?? {})).toEqual(['/dev/none-such', '/dev/disk/by-id/usb-stick']);
});

test.each<[string, string, object]>([
  [
    'a partition goes on is not there',
    CONFIG,
    {
      code: 'DISK_NOT_FOUND',
      message: 'cannot install to /dev/none-such: there is no such file or device',
      findings: ['config.toml:6:1: customizations.disk.partitions[0].device names /dev/none-such'],
    },
  ],
  [
    'the boot partition goes on is not there',
    '[customizations.disk]\nboot_drive = "none-such"\n',
    {
      code: 'DISK_NOT_FOUND',
      findings: ['config.toml:2:1: customizations.disk.boot_drive names /dev/none-such'],
    },
  ],
  [
    'the boot partition goes on is not one that may be used',
    '[customizations.disk]\ndrives = ["vda"]\nboot_drive = "/dev/./null"\n',
    {
      code: 'USAGE',
      message: expect.stringContaining('cannot install to /dev/null: the file'),
      findings: ['config.toml:3:1: customizations.disk.boot_drive names /dev/./null'],
    },
  ],
])('where the disk %s, its line is told', async (_, text, error) => {
  await expect(findDisks(request(text), {})).rejects.toMatchObject(error);
});
