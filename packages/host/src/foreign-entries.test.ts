import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isSlipwayError } from '@slipway/core';
import { describe, expect, test } from 'vitest';
import { setOptionsForSource } from './option-source.ts';
import { rollback } from './rollback.ts';
import { installed, V2 } from './testing/scenario.ts';
import { entryNames, hostDir, stage, type TestHost } from './testing/test-host.ts';

const OPTIONS = (host: TestHost): string => `options root=UUID=1 rw composefs=${host.bootedId}\n`;

async function code(work: () => Promise<unknown>): Promise<unknown> {
  try {
    await work();
    return 'done';
  } catch (thrown) {
    return isSlipwayError(thrown) ? thrown.code : thrown;
  }
}

describe('a deployment that bootc boots', () => {
  test('is left to bootc: nothing written beside its entry would start', async () => {
    await using dir = await hostDir('foreign');
    const host = await installed(dir.path);
    const entries = join(host.esp, 'loader/entries');
    const bootcs = join(entries, 'bootc_debian-13-1.conf');
    await rename(join(entries, 'slipway-1.conf'), bootcs);
    const text = `title Debian\nversion 13\nsort-key bootc-debian-0\nlinux /EFI/Linux/x/vmlinuz\n${OPTIONS(host)}`;
    await writeFile(bootcs, text);
    expect(await code(() => stage(host, V2))).toBe('STATE_INVALID');
    expect(await code(() => rollback(host))).toBe('STATE_INVALID');
    expect(await code(() => setOptionsForSource(host, { source: 'a', options: 'b' }))).toBe('STATE_INVALID');
    expect(await entryNames(dir.path)).toEqual(['bootc_debian-13-1.conf']);
  });

  test('hinders nobody where its entry comes after, or was given up on', async () => {
    await using dir = await hostDir('foreign');
    const host = await installed(dir.path);
    const entries = join(host.esp, 'loader/entries');
    await writeFile(
      join(entries, 'bootc_debian-13-1+0-3.conf'),
      `sort-key bootc-debian-0\nlinux /l\n${OPTIONS(host)}`,
    );
    await writeFile(join(entries, 'by-hand.conf'), `title x\nlinux /l\n${OPTIONS(host)}`);
    await writeFile(join(entries, 'aaa.conf'), 'title another system\nsort-key aaa\nlinux /l\noptions rw\n');
    expect(await stage(host, V2)).toMatchObject({ kind: 'staged' });
  });
});
