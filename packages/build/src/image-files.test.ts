import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeTempDir } from '@slipway/core';
import { describe, expect, test } from 'vitest';
import { listImageFiles } from './image-files.ts';

const OS_DIR = join(import.meta.dirname, '../../../os');

describe('the files of os/', () => {
  test('all have a place in the image, scripts executable whatever the checkout says', async () => {
    const files = await listImageFiles(OS_DIR);
    const modes = new Map(files.map((file) => [file.target, file.mode]));

    expect(modes.get('usr/lib/systemd/system/slipway-finalize.service')).toBe(0o644);
    expect(modes.get('usr/lib/dracut/modules.d/90slipway/module-setup.sh')).toBe(0o755);
    expect(modes.get('usr/lib/systemd/system-generators/slipway-boot-generator')).toBe(0o755);
    expect(modes.get('usr/lib/bootc/kargs.d/00-slipway.toml')).toBe(0o644);
    expect(modes.get('etc/kernel/postinst.d/zz-slipway-kernel')).toBe(0o755);
    expect([...modes.keys()]).toEqual([...modes.keys()].toSorted());
  });

  test('are refused where the directory is another one', async () => {
    await using directory = await makeTempDir('image-files');
    await mkdir(join(directory.path, 'dracut'));
    await writeFile(join(directory.path, 'dracut/x'), '');

    await expect(listImageFiles(directory.path)).rejects.toMatchObject({ code: 'IO_FAILED' });
  });
});
