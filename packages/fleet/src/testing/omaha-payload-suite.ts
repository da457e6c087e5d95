import { createHash, randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeTempDir } from '@slipway/core';
import { digestOf, EMPTY_CONFIG } from '@slipway/oci';
import { describe, expect, test } from 'vitest';
import { openDatabase } from '../database/database.ts';
import { askBytes, type RawBytes } from './compat-client.ts';
import { type CompatServer, DAY_MS, startCompatServer } from './compat-server.ts';
import { ask, expected, NEW, NO_UPDATE, OLD, putRelease, question, release } from './omaha-machine.ts';
import type { Place } from './places.ts';

const PATIENCE_MS = 300_000;
const NAME = 'flatcar_production_update.gz';
const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const MACHINE = '8bde4c4d90834d61b41c3253212c0c37';
/** A few reads of a file, and an odd end. */
const FILE = randomBytes(700_001);

/** What a person pushes as an artefact: `artifact` of a release. */
async function push(
  { server }: CompatServer,
  token: string,
  repository: string,
  files: readonly Uint8Array[],
): Promise<string> {
  const authorization = `Basic ${btoa(`anybody:${token}`)}`;
  for (const blob of [EMPTY_CONFIG.bytes, ...files]) {
    const path = `/v2/${repository}/blobs/uploads/?digest=${digestOf(blob)}`;
    const headers = { authorization, 'content-type': 'application/octet-stream' };
    expect((await askBytes(server, 'POST', path, headers, blob)).status).toBe(201);
  }
  const manifest = JSON.stringify({
    schemaVersion: 2,
    mediaType: MANIFEST,
    artifactType: 'application/vnd.slipway.file.v1',
    config: EMPTY_CONFIG.descriptor,
    layers: files.map((file) => ({
      mediaType: 'application/octet-stream',
      digest: digestOf(file),
      size: file.length,
      annotations: { 'org.opencontainers.image.title': NAME },
    })),
  });
  const path = `/v2/${repository}/manifests/${NEW}`;
  const answer = await askBytes(server, 'PUT', path, { authorization, 'content-type': MANIFEST }, manifest);
  expect(answer.status).toBe(201);
  return `${repository}@${digestOf(Buffer.from(manifest))}`;
}

function hash(algorithm: 'sha1' | 'sha256', bytes: Uint8Array): string {
  return createHash(algorithm).update(bytes).digest('base64');
}

/** As the sample has it, with the address of this server. */
function updateFrom(codebase: string): string {
  return `<updatecheck status="ok"><urls><url codebase="${codebase}"/></urls>
   <manifest version="${NEW}"><packages><package hash="${hash('sha1', FILE)}" name="${NAME}" size="${FILE.length}" required="true"/></packages>
    <actions><action event="postinstall" sha256="${hash('sha256', FILE)}" needsadmin="false" IsDeltaPayload="false" DisablePayloadBackoff="true"/></actions>
   </manifest></updatecheck>`;
}

/** Updates of Omaha that lie in the registry of the server, whatever database it has. */
export function omahaPayloadSuite(kind: string, place: Place): void {
  describe(`payloads of Omaha on ${kind}`, { timeout: PATIENCE_MS }, () => {
    test('an artefact of the registry is given out under the address of the token, whole and in ranges', async () => {
      await using directory = await makeTempDir('fleet-payload');
      await using running = await startCompatServer(place, { registryRoot: directory.path });
      const { server, clock } = running;
      const pusher = await running.token('registry:push');
      const artifact = await push(running, pusher, 'default/flatcar', [FILE]);
      await putRelease(running, OLD, 1, { artifact });
      await putRelease(running, NEW, 2, { artifact });
      await release(running, 'flatcar-2');
      const token = await running.token('releases:read', 'edge');
      const base = `/compat/${token}/omaha/v1/payload/edge/flatcar-2/amd64/`;
      const elapsed = Math.floor((clock.ms % DAY_MS) / 1000);
      const answer = await ask(running, token, question(OLD, 'default', MACHINE));
      expect(answer.text).toBe(expected(elapsed, updateFrom(`${server.url}${base}`)));

      const get = async (path: string, range?: string): Promise<RawBytes> =>
        await askBytes(server, 'GET', path, range === undefined ? {} : { range });
      const whole = await get(base + NAME);
      expect(whole.status).toBe(200);
      expect(whole.headers).toMatchObject({
        'content-length': String(FILE.length),
        'accept-ranges': 'bytes',
        'cache-control': 'private, max-age=31536000, immutable',
      });
      expect(whole.bytes.equals(FILE)).toBe(true);
      const rest = await get(base + NAME, 'bytes=500000-');
      expect(rest.status).toBe(206);
      expect(rest.headers['content-range']).toBe(`bytes 500000-${FILE.length - 1}/${FILE.length}`);
      expect(rest.bytes.equals(FILE.subarray(500_000))).toBe(true);
      expect(await get(base + NAME, `bytes=${FILE.length}-`)).toMatchObject({ status: 416 });

      // What is hashed once is known, to every replica, whatever becomes of the file.
      await using database = await openDatabase(running.database);
      expect(await database.reads.selectFrom('payload_files').selectAll().execute()).toEqual([
        {
          digest: digestOf(FILE),
          size_bytes: FILE.length,
          sha1: createHash('sha1').update(FILE).digest('hex'),
          sha256: createHash('sha256').update(FILE).digest('hex'),
        },
      ]);
    });

    test('a token gets the files of its releases alone', async () => {
      await using directory = await makeTempDir('fleet-payload');
      await using running = await startCompatServer(place, { registryRoot: directory.path });
      const { server, admin } = running;
      const pusher = await running.token('registry:push');
      const artifact = await push(running, pusher, 'default/flatcar', [FILE]);
      await putRelease(running, OLD, 1, { artifact });
      await putRelease(running, NEW, 2, { artifact });
      await putRelease(running, '4230.2.3', 3, { artifact });
      await putRelease(running, '1', 4, { artifact }, { stream: 'secret' });
      await release(running, 'flatcar-2');
      await running.putFleet('other', { selector: 'a=b' });
      const token = await running.token('releases:read', 'edge');
      const status = async (path: string, by = token): Promise<number> =>
        (await askBytes(server, 'GET', `/compat/${by}/omaha/v1/payload/${path}`)).status;
      expect(await status(`edge/flatcar-1/amd64/${NAME}`)).toBe(200);
      for (const path of [
        `edge/flatcar-3/amd64/${NAME}`,
        `edge/flatcar-4/amd64/${NAME}`,
        `edge/flatcar-2/arm64/${NAME}`,
        `edge/flatcar-2/amd64/other.gz`,
        `edge/flatcar-2/amd64/..%2f${NAME}`,
        `other/flatcar-2/amd64/${NAME}`,
        `default/flatcar-2/amd64/${NAME}`,
      ]) {
        expect([path, await status(path)]).toEqual([path, 404]);
      }
      const path = `edge/flatcar-2/amd64/${NAME}`;
      expect(await status(path, 'slipway_token_forged')).toBe(401);
      expect(await status(path, await running.token('registry:pull'))).toBe(403);
      expect(await status(path, await running.token('releases:read', 'other'))).toBe(404);
      await putRelease(running, NEW, 2, { artifact }, { withdrawn: { reason: 'it burns' } });
      expect(await status(path)).toBe(404);
      const foreign = putRelease(running, '9', 9, { artifact: artifact.replace('default/', 'acme/') });
      await expect(foreign).rejects.toMatchObject({ problem: { code: 'FLEET_REQUEST_INVALID' } });
      await admin.call('tokens.delete', { params: { name: 'client-2' } });
      expect(await status(`edge/flatcar-1/amd64/${NAME}`)).toBe(401);
    });

    test('what is missing, damaged or more than a file is no update', async () => {
      await using directory = await makeTempDir('fleet-payload');
      const registryRoot = join(directory.path, 'registry');
      await mkdir(registryRoot);
      await using running = await startCompatServer(place, { registryRoot });
      const pusher = await running.token('registry:push');
      const artifact = await push(running, pusher, 'default/flatcar', [FILE]);
      const two = await push(running, pusher, 'default/two', [FILE, EMPTY_CONFIG.bytes]);
      const token = await running.token('releases:read', 'edge');
      const answer = async (): Promise<string> =>
        (await ask(running, token, question(OLD, 'edge', MACHINE))).text;
      await putRelease(running, OLD, 1, { artifact });
      const missing = artifact.replace(/@.*/, `@${digestOf(Buffer.from('nothing'))}`);
      await putRelease(running, NEW, 2, { artifact: missing });
      await release(running, 'flatcar-2');
      expect(await answer()).toContain(NO_UPDATE);
      await putRelease(running, NEW, 2, { artifact: two });
      expect(await answer()).toContain(NO_UPDATE);
      const path = join(registryRoot, 'blobs/sha256', digestOf(FILE).slice('sha256:'.length));
      const good = await readFile(path);
      await writeFile(path, Buffer.concat([good.subarray(1), Buffer.of(0)]));
      await putRelease(running, NEW, 2, { artifact });
      expect(await answer()).toContain(NO_UPDATE);
      await writeFile(path, good);
      expect(await answer()).toContain(`<manifest version="${NEW}">`);
    });
  });
}
