/** Two small images for hosts that are only directories. */
import { BOOTABLE, type TestImage } from '../../packages/host/src/testing/test-image.ts';

export const INSTALLED: TestImage = {
  tag: 'stable',
  version: '1',
  files: { ...BOOTABLE, 'etc/default': 'v1', 'etc/edited': 'v1' },
};

/** Another kernel, a new file, a changed default and a large one. */
export const UPDATED: TestImage = {
  tag: 'stable',
  version: '2',
  files: {
    ...INSTALLED.files,
    'usr/lib/modules/6.12/vmlinuz': 'newer kernel '.repeat(3000),
    'usr/lib/new': 'something new '.repeat(5000),
    'etc/default': 'v2',
    'etc/edited': 'v2',
    'etc/large': 'a large default '.repeat(2000),
  },
};
