import { parseReference } from '@slipway/oci';
import { expect, test } from 'vitest';
import { findPayloads } from './payload.ts';

const image = parseReference('oci:nowhere:1');
const PLAIN = {
  image,
  architecture: 'amd64',
  kernelArguments: [],
  storeDirectory: '/nowhere',
  cacheDirectory: '/nowhere',
};

test.each([
  [['edge', 'edge'], /cannot name two payloads edge/],
  [['Edge'], /cannot name a payload 'Edge'/],
  [['../edge'], /cannot name a payload '\.\.\/edge'/],
  [['a b'], /chosen by its name on a kernel command line/],
  [['.'], /cannot name a payload/],
  [['a'.repeat(65)], /cannot name a payload/],
])('a medium cannot carry payloads named %j', async (names, message) => {
  const payloads = names.map((name) => ({ name, image }));
  await using stack = new AsyncDisposableStack();
  await expect(findPayloads({ ...PLAIN, payloads }, stack, {})).rejects.toMatchObject({
    code: 'USAGE',
    message: expect.stringMatching(message),
  });
});

test('most carry none', async () => {
  await using stack = new AsyncDisposableStack();
  expect(await findPayloads(PLAIN, stack, {})).toEqual([]);
});
