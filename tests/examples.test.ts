/** The four examples a user starts from: each builds, and its own smoke test passes inside the image. */
import { randomUUID } from 'node:crypto';
import { copyFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeTempDir } from '@slipway/core';
import { describe, expect, test } from 'vitest';
import { exampleImage } from './harness/images.ts';
import { ROOT, slipway, slipwayJson } from './harness/slipway.ts';

const say = (line: string): void => void process.stderr.write(`  ${line}\n`);

/** What a script prints when it is a RUN of a build on the image. */
async function runInside(image: string, script: string): Promise<string> {
  await using context = await makeTempDir('smoke-test');
  await copyFile(script, join(context.path, 'smoke-test.sh'));
  // A step the builder has seen before is taken from its cache, and a smoke test that did not run says nothing: this one is always new.
  const lines = [
    `FROM ${image}`,
    'COPY smoke-test.sh /smoke-test.sh',
    `RUN SMOKE_TEST=${randomUUID()} sh /smoke-test.sh`,
  ];
  await writeFile(join(context.path, 'Containerfile'), `${lines.join('\n')}\n`);
  const { stderr } = await slipway(
    ['build', '--verbose', '-t', `oci:${context.path}/out:tested`, context.path],
    {
      onLine: say,
    },
  );
  return stderr;
}

describe.each(['web-application', 'container-host', 'edge-appliance', 'ai-stack'])(
  'examples/%s',
  (folder) => {
    test('builds a bootable image that passes its smoke test', async () => {
      const image = await exampleImage({ folder }, say);
      const answer = (await slipwayJson(['inspect', image])) as { labels: Readonly<Record<string, string>> };
      expect(answer.labels['containers.bootc']).toBe('1');
      expect(answer.labels['org.opencontainers.image.version']).toBe('1');
      expect(await runInside(image, `${ROOT}/examples/${folder}/smoke-test.sh`)).toMatch(/enabled$/m);
    });
  },
);
