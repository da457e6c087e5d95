/** What the guide says of Flatcar, done with the commands it names: a file pushed, a release that names it, and a host that fetches it. */
import { createHash, randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeTempDir, run } from '@slipway/core';
import { expect, test } from 'vitest';
import { logIn, startFleetServer } from './harness/fleet-server.ts';
import { slipway } from './harness/slipway.ts';

const REQUEST = `<?xml version="1.0" encoding="UTF-8"?>
<request protocol="3.0" version="update_engine-0.4.2" updaterversion="update_engine-0.4.2" installsource="scheduler" ismachine="1">
    <os version="Chateau" platform="CoreOS" sp="4230.2.1_x86_64"></os>
    <app appid="{e96281a6-d1af-4bde-9a0a-97b76e56dc57}" version="4230.2.1" track="edge" bootid="{7D52A1CC-0000}" oem="qemu" oemversion="" alephversion="4152.2.0" machineid="8bde4c4d90834d61b41c3253212c0c37" machinealias="" lang="en-US" board="amd64-usr" hardware_class="" delta_okay="false" >
        <ping active="1"></ping>
        <updatecheck></updatecheck>
    </app>
</request>
`;

function resources(artifact: string): string {
  const release = (name: string, version: string, digit: string): string => `apiVersion: slipway/v1
kind: Release
metadata: {name: ${name}}
spec:
  version: ${version}
  images:
    - architecture: amd64
      reference: "registry.example/flatcar:${version}"
      digests: ["sha256:${digit.repeat(64)}"]
      payload: {artifact: "${artifact}"}
---
`;
  return `${release('flatcar-1', '4230.2.1', '1')}${release('flatcar-2', '4230.2.2', '2')}apiVersion: slipway/v1
kind: Role
metadata: {name: updates}
spec: {permissions: ["releases:read"]}
---
apiVersion: slipway/v1
kind: Fleet
metadata: {name: edge}
spec: {selector: "", release: flatcar-2}
`;
}

test('two commands bring an update of Flatcar to its hosts', { timeout: 300_000 }, async () => {
  await using directory = await makeTempDir('fleet-omaha');
  const at = (name: string): string => join(directory.path, name);
  await using server = await startFleetServer(directory.path, ['--registry']);
  const { env, caPath, url } = server;
  await logIn(server);
  const host = new URL(url).host;
  const token = async (...args: readonly string[]): Promise<string> =>
    (await slipway(['fleet', 'token', ...args], { env })).stdout.toString('utf8').trim();
  const secret = await token('ci', '--role', 'operator');
  const auths = { [host]: { auth: Buffer.from(`ci:${secret}`).toString('base64') } };
  await writeFile(at('auth.json'), JSON.stringify({ auths }));
  const update = randomBytes(3_000_017);
  await writeFile(at('flatcar_production_update.gz'), update);

  const push = ['registry', 'push-file', at('flatcar_production_update.gz')];
  const pushEnv = { REGISTRY_AUTH_FILE: at('auth.json'), SSL_CERT_FILE: caPath };
  const target = `${host}/default/flatcar:4230.2.2`;
  const pushed = await slipway([...push, target], { env: pushEnv });
  const artifact = pushed.stdout.toString('utf8').split('\n')[0] ?? '';
  expect(artifact).toMatch(/^default\/flatcar@sha256:[0-9a-f]{64}$/);
  // The same again is the same, and sends nothing.
  expect((await slipway([...push, target], { env: pushEnv })).stdout).toEqual(pushed.stdout);
  const elsewhere = await slipway([...push, `oci:${at('layout')}:x`], { env: pushEnv, allowExitCodes: [2] });
  expect(elsewhere.exitCode).toBe(2);

  await writeFile(at('edge.yaml'), resources(artifact));
  await slipway(['fleet', 'apply', '-f', at('edge.yaml')], { env });
  const client = await token('edge-updates', '--role', 'updates', '--fleet', 'edge');
  await writeFile(at('request.xml'), REQUEST);
  const curl = async (...args: readonly string[]): Promise<string> =>
    (
      await run(['curl', '--silent', '--fail', '--cacert', caPath, ...args], { describe: 'ask as a host' })
    ).stdout.toString('utf8');
  const omaha = `${url}/compat/${client}/omaha/v1/update/`;
  const ask = async (): Promise<string> =>
    await curl('-H', 'content-type: text/xml', '--data-binary', `@${at('request.xml')}`, omaha);
  await expect
    .poll(ask, { timeout: 60_000 })
    .toContain(
      `<manifest version="4230.2.2"><packages><package hash="${createHash('sha1').update(update).digest('base64')}" name="flatcar_production_update.gz" size="3000017"`,
    );
  const codebase = /codebase="(?<url>[^"]+)"/.exec(await ask())?.groups?.['url'] ?? '';
  // A download that broke off goes on where it was.
  await writeFile(at('fetched'), update.subarray(0, 1_000_000));
  await curl('--continue-at', '-', '--output', at('fetched'), `${codebase}flatcar_production_update.gz`);
  expect((await readFile(at('fetched'))).equals(update)).toBe(true);
});
