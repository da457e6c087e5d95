/** `slipway fleet` as an operator uses it: a server of its own process, and every verb against it. */
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeTempDir, type TempDir } from '@slipway/core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { logIn, startFleetServer, type TestFleetServer } from './harness/fleet-server.ts';
import { slipway, slipwayJson } from './harness/slipway.ts';

const DIGEST = `sha256:${'a'.repeat(64)}`;
const SHOPS = `apiVersion: slipway/v1
kind: Release
metadata: {name: v1}
spec:
  version: "1"
  images: [{architecture: amd64, reference: "registry.example/shop:v1", digests: ["${DIGEST}"]}]
---
apiVersion: slipway/v1
kind: Fleet
metadata: {name: shops, labels: {team: retail}}
spec: {selector: kind=shop, release: v1}
`;

let directory: TempDir;
let server: TestFleetServer;
let env: Readonly<Record<string, string>>;
let file: string;

beforeAll(async () => {
  directory = await makeTempDir('fleet-command');
  file = join(directory.path, 'shops.yaml');
  await writeFile(file, SHOPS);
  server = await startFleetServer(directory.path);
  env = server.env;
  await logIn(server);
});

afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await directory[Symbol.asyncDispose]();
});

async function fleet(
  ...args: readonly string[]
): Promise<{ readonly exitCode: number; readonly out: string }> {
  const { exitCode, stdout } = await slipway(['fleet', ...args], { env, allowExitCodes: [1, 2, 3, 4, 5] });
  return { exitCode, out: stdout.toString('utf8') };
}

test('the login is kept where only its owner reads it', async () => {
  const { mode } = await stat(join(directory.path, 'config', 'slipway', 'fleet.json'));
  expect(mode & 0o777).toBe(0o600);
});

test('applies a file once, and shows what it would change before', async () => {
  const before = await fleet('diff', '-f', file);
  expect(before).toMatchObject({ exitCode: 1 });
  expect(before.out).toContain('+  selector: kind=shop');
  expect((await fleet('apply', '-f', file)).out).toBe('Release v1 created\nFleet shops created\n');
  expect((await fleet('apply', '-f', file)).out).toBe('Release v1 unchanged\nFleet shops unchanged\n');
  expect(await fleet('diff', '-f', file)).toEqual({ exitCode: 0, out: '' });
  expect((await fleet('get', 'fleets', '-l', 'team=retail')).out).toMatch(/^shops {2}0 devices/);
  expect(await slipwayJson(['fleet', 'get', 'fleet', 'shops'], { env })).toMatchObject({
    kind: 'Fleet',
    spec: { release: 'v1' },
    status: { rollout: 'shops-1' },
  });
  expect((await fleet('describe', 'fleet', 'shops')).out).toContain('selector: kind=shop');
});

test('a file that makes no sense changes nothing, not even by its first half', async () => {
  const bad = join(directory.path, 'bad.yaml');
  await writeFile(bad, `${SHOPS.replaceAll('v1', 'v9')}---\nkind: Fleet\n`);
  expect(await fleet('apply', '-f', bad)).toMatchObject({ exitCode: 3, out: '' });
  expect(await fleet('get', 'release', 'v9')).toMatchObject({ exitCode: 1 });
});

test('makes tokens, and lets them do what they may', async () => {
  expect((await fleet('token', 'berlin', '--enrol', '--label', 'site=berlin', '--uses', '2')).out).toMatch(
    /^slipway_enrolment_/,
  );
  const secret = (await fleet('token', 'ci', '--role', 'viewer')).out.trim();
  const { url, authority } = JSON.parse(
    await readFile(join(directory.path, 'config', 'slipway', 'fleet.json'), 'utf8'),
  ) as { readonly url: string; readonly authority: string };
  const ca = join(directory.path, 'ca.pem');
  await writeFile(ca, authority);
  const asViewer = { SLIPWAY_FLEET_URL: url, SLIPWAY_FLEET_TOKEN: secret, SLIPWAY_FLEET_CA: ca };
  const { stdout } = await slipway(['fleet', 'get', 'fleets'], { env: asViewer });
  expect(stdout.toString('utf8')).toContain('shops');
  const refused = await slipway(['fleet', 'delete', 'fleet', 'shops'], {
    env: asViewer,
    allowExitCodes: [4],
  });
  expect(refused.exitCode).toBe(4);
});

test('is backed up while it runs, and restored elsewhere', async () => {
  const backup = join(directory.path, 'fleet.backup');
  const wrote = await fleet('backup', backup, '--root', join(directory.path, 'fleet'));
  const count = /^wrote (?<count>\d+) records/.exec(wrote.out)?.groups?.['count'];
  const restored = await fleet('restore', backup, '--root', join(directory.path, 'again'));
  expect(restored).toEqual({ exitCode: 0, out: `restored ${count} records\n` });
});

test('what is used is not deleted, what is not is', async () => {
  expect(await fleet('delete', 'release', 'v1')).toMatchObject({ exitCode: 1 });
  expect((await fleet('delete', 'fleet', 'shops')).out).toBe('Fleet shops deleted\n');
  expect((await fleet('delete', 'release', 'v1')).out).toBe('Release v1 deleted\n');
});

test('a directory is compared as a server that follows it in git would read it', async () => {
  const folder = join(directory.path, 'production');
  await mkdir(join(folder, '.github'), { recursive: true });
  await mkdir(join(folder, 'policies'));
  await writeFile(join(folder, '.github', 'ci.yaml'), 'on: push\n');
  await writeFile(join(folder, 'README.md'), 'words');
  const policy = 'apiVersion: slipway/v1\nkind: Policy\nmetadata: {name: folder}\nspec: {firstAlone: true}\n';
  await writeFile(join(folder, 'policies', 'folder.yml'), policy);
  const before = await fleet('diff', '-f', folder);
  expect(before.exitCode).toBe(1);
  expect(before.out).toContain('Policy folder\n');
  expect((await fleet('apply', '-f', folder)).out).toBe('Policy folder created\n');
  expect(await fleet('diff', '-f', folder)).toEqual({ exitCode: 0, out: '' });
  await writeFile(join(folder, 'policies', 'wrong.yaml'), policy.replace('true', 'maybe'));
  expect((await fleet('diff', '-f', folder)).exitCode).toBe(3);
});
