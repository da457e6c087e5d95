/** The base images: the same inputs give the same digest, and each release boots. */
import { mkdir } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { startHost } from './harness/host.ts';
import { baseImage } from './harness/images.ts';
import { CACHE, ROOT, slipway, slipwayJson } from './harness/slipway.ts';
import { SYSTEM_STATE } from './harness/system-state.ts';

const say = (line: string): void => void process.stderr.write(`  ${line}\n`);

/** Its packages are those of the moment the mirror had them from. */
interface Built {
  readonly digest: string;
  readonly created: string;
}

async function built(reference: string): Promise<Built> {
  const { digest, created } = (await slipwayJson(['inspect', reference])) as Built;
  return { digest, created };
}

async function buildAgain(): Promise<Built> {
  const again = `oci:${CACHE}/again:base`;
  await mkdir(`${CACHE}/again`, { recursive: true });
  await slipway(['base', 'build', '--release', 'trixie', '-o', again], { onLine: say });
  return await built(again);
}

describe('the base image', () => {
  test('has the same digest when it is built again', async () => {
    let first = await built(await baseImage('trixie', say));
    let again = await buildAgain();
    // Debian published in between: these are other inputs.
    if (again.created !== first.created) [first, again] = [again, await buildAgain()];
    expect(again).toEqual(first);
  });

  test('of Debian 12 boots from a sealed root too', async () => {
    const image = await baseImage('bookworm', say);
    const directory = `${ROOT}/build/tests/bookworm`;
    await slipway(['image', image, '--type', 'qcow2', '-o', directory], { onLine: say });
    await using host = await startHost({
      disk: `${directory}/disk.qcow2`,
      format: 'qcow2',
      consoleLogPath: `${directory}/console.log`,
    });
    expect(await host.run('. /etc/os-release; echo $VERSION_CODENAME')).toBe('bookworm');
    expect(await host.run('findmnt -no SOURCE,FSTYPE /')).toMatch(/^composefs:[0-9a-f]{64} +overlay$/);
    expect(await host.run('findmnt -no OPTIONS /')).toContain('verity=require');
    expect(await host.run(SYSTEM_STATE)).toBe('running');
    await host.powerOff();
  });
});
