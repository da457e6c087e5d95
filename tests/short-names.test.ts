/** Names without a registry, as every command that takes one understands them. */
import { spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { RegistryLab } from '../packages/oci/src/testing/registry-lab.ts';

const MAIN = join(import.meta.dirname, '../packages/cli/src/main.ts');
const AMD64 = ['--arch', 'amd64', '--json'] as const;

let lab: RegistryLab;
/** Has nothing, and is searched first. */
let empty: string;
let env: Readonly<Record<string, string | undefined>>;

beforeAll(async () => {
  lab = await RegistryLab.open();
  empty = await lab.startRegistry('empty');
  const conf = join(lab.path, 'registries.conf');
  await writeFile(conf, `unqualified-search-registries = ["${empty}", "${lab.plain}"]\n`);
  const policy = join(lab.path, 'policy.json');
  await writeFile(policy, '{"default":[{"type":"insecureAcceptAnything"}]}');
  env = { PATH: process.env['PATH'], CONTAINERS_REGISTRIES_CONF: conf, HOME: lab.path };
});

afterAll(async () => {
  await lab[Symbol.asyncDispose]();
});

function slipway(...args: readonly string[]) {
  return spawnSync(process.execPath, [MAIN, ...args], { encoding: 'utf8', env });
}

describe('a name without a registry', () => {
  test.each([
    ['tags', ['tags', 'os', '--json'], (): object => ({ repository: `${lab.plain}/os`, tags: ['v1'] })],
    ['inspect', ['inspect', 'os:v1', ...AMD64], (): object => ({ image: `${lab.plain}/os:v1` })],
    ['referrers', ['referrers', 'os:v1', '--json'], (): object => ({ image: `${lab.plain}/os:v1` })],
    ['delta inspect', ['delta', 'inspect', 'os:v1', ...AMD64], (): object => ({ deltas: [] })],
    [
      'verify',
      ['verify', 'os:v1', '--signature-policy', 'policy.json', ...AMD64],
      (): object => ({ image: `${lab.plain}/os:v1` }),
    ],
    ['diff', ['diff', 'os:v1', 'os:v1', ...AMD64], (): object => ({})],
  ])('is found by %s in the second registry that is searched', (_command, args, answer) => {
    const given = args.map((arg) => (arg === 'policy.json' ? join(lab.path, arg) : arg));
    const { stdout, stderr } = slipway(...given);
    expect(stdout, stderr).not.toBe('');
    expect(JSON.parse(stdout)).toMatchObject(answer());
  });

  test('that no registry has is refused, with all that were asked', () => {
    const { status, stderr } = slipway('inspect', 'os:v9', '--arch', 'amd64');
    expect(status).toBe(5);
    expect(stderr).toContain(`${empty}/os:v9`);
    expect(stderr).toContain(`${lab.plain}/os:v9`);
    expect(stderr).toContain('unqualified-search-registries');
  });
});
