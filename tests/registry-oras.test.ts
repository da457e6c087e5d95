import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeTempDir, type TempDir } from '@slipway/core';
import {
  blobPath,
  type CredentialSource,
  type Descriptor,
  isDigest,
  openImage,
  openLayoutWriter,
  openRepository,
  parseReference,
  type RegistryOptions,
  readLayoutIndex,
} from '@slipway/oci';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { writeSmallImage } from '../packages/oci/src/testing/small-image.ts';
import { type Oras, prepareOras } from './harness/oras.ts';
import { makeCertificate } from './harness/registry.ts';
import { addRegistryUser, type RegistryProcess, serveRegistryProcess } from './harness/registry-server.ts';
import { slipway, slipwayJson } from './harness/slipway.ts';

// oras and the embedded registry, over TLS and with a password: everything it does to a registry. Then both on one registry: what either
// puts there the other gets, byte for byte.

const ARTIFACT_TYPE = 'application/vnd.example.settings';
const SETTINGS = Buffer.from('speed = 9000\n');
/** Enough for several chunks of a connection; every byte there is. */
const FIRMWARE = Buffer.from(Array.from({ length: 3_000_000 }, (_, at) => (at * 31 + (at >> 8)) & 0xff));

let temp: TempDir;
let oras: Oras;
const resources = new AsyncDisposableStack();

beforeAll(async () => {
  temp = resources.use(await makeTempDir('oras'));
  oras = await prepareOras(at('home'));
  await mkdir(at('files'));
  await writeFile(at('files/settings.conf'), SETTINGS);
  await writeFile(at('files/firmware.bin'), FIRMWARE);
});

afterAll(async () => {
  await resources.disposeAsync();
});

function at(name: string): string {
  return join(temp.path, name);
}

describe('over TLS, with a password', () => {
  let registry: RegistryProcess;
  let trust: readonly string[];
  let ours: RegistryOptions;

  beforeAll(async () => {
    const { certificate, key } = await makeCertificate(temp.path);
    await addRegistryUser(at('users'), 'ci', 'push it');
    const tls = ['--tls-cert', certificate, '--tls-key', key];
    registry = resources.use(await serveRegistryProcess(at('root'), ['--users', at('users'), ...tls]));
    trust = ['--ca-file', certificate];
    const certificates = at(`certs.d/${registry.hostPort}`);
    await mkdir(certificates, { recursive: true });
    await writeFile(join(certificates, 'ca.crt'), await readFile(certificate));
    const credentials: CredentialSource = {
      find: () => Promise.resolve({ kind: 'password', username: 'ci', password: 'push it' }),
    };
    ours = { credentials, certificateDirectories: [at('certs.d')], registries: [] };
    await login('push it');
    await push('settings:v1');
  });

  const named = (name: string): string => `${registry.hostPort}/${name}`;
  const login = (password: string): Promise<string> =>
    oras.run(['login', ...trust, '--username', 'ci', '--password-stdin', registry.hostPort], {
      input: password,
    });
  const push = async (name: string): Promise<void> => {
    const files = ['settings.conf:application/vnd.example.conf', 'firmware.bin'];
    const words = ['--artifact-type', ARTIFACT_TYPE, '--annotation', 'org.example.shelf=7'];
    await oras.run(['push', ...trust, ...words, named(name), ...files], { cwd: at('files') });
  };
  const resolve = async (name: string): Promise<string> =>
    (await oras.run(['resolve', ...trust, named(name)])).trim();
  const lines = async (...args: readonly string[]): Promise<readonly string[]> =>
    (await oras.run(args)).trim().split('\n').toSorted();

  test('logs in by the right password, out, and does nothing without', async () => {
    await expect(login('guess it')).rejects.toThrow(/401|unauthorized/i);
    await oras.run(['logout', registry.hostPort]);
    await expect(push('settings:denied')).rejects.toThrow(/401|unauthorized|credential/i);
    await login('push it');
    expect(await lines('repo', 'tags', ...trust, named('settings'))).not.toContain('denied');
  });

  test('pulls what it pushed, byte for byte, annotations and types with it', async () => {
    await oras.run(['pull', ...trust, '--output', at('pulled'), named('settings:v1')]);
    expect(await readFile(at('pulled/settings.conf'))).toEqual(SETTINGS);
    expect((await readFile(at('pulled/firmware.bin'))).equals(FIRMWARE)).toBe(true);
    expect(JSON.parse(await oras.run(['manifest', 'fetch', ...trust, named('settings:v1')]))).toMatchObject({
      artifactType: ARTIFACT_TYPE,
      annotations: { 'org.example.shelf': '7' },
      layers: [{ mediaType: 'application/vnd.example.conf' }, {}],
    });
  });

  test('attaches, and discovers what is attached, of which type it wants', async () => {
    await push('attached:v1');
    for (const type of ['example/sbom', 'example/scan']) {
      const about = ['attach', ...trust, '--artifact-type', type, '--annotation', `of=${type}`];
      await oras.run([...about, named('attached:v1'), 'settings.conf'], { cwd: at('files') });
    }
    const discover = async (...only: readonly string[]): Promise<readonly Descriptor[]> => {
      const args = ['discover', ...trust, '--format', 'json', ...only, named('attached:v1')];
      // Releases of it call the list by different names.
      const { manifests, referrers } = JSON.parse(await oras.run(args)) as {
        readonly manifests?: readonly Descriptor[];
        readonly referrers?: readonly Descriptor[];
      };
      return manifests ?? referrers ?? [];
    };
    const found = await discover();
    expect(new Set(found.map(({ artifactType }) => artifactType))).toEqual(
      new Set(['example/sbom', 'example/scan']),
    );
    const [scan] = await discover('--artifact-type', 'example/scan');
    expect(scan).toMatchObject({ annotations: { of: 'example/scan' } });
    // We see the same about it.
    const subject = await resolve('attached:v1');
    if (!isDigest(subject)) throw new Error('not a digest');
    await using repository = await openRepository(
      { registry: registry.hostPort, repository: 'attached' },
      ours,
    );
    expect(new Set((await repository.referrers(subject)).map(({ digest }) => digest))).toEqual(
      new Set(found.map(({ digest }) => digest)),
    );
  });

  test('tags, lists tags and repositories', async () => {
    await push('lists/a:v1');
    await oras.run(['tag', ...trust, named('lists/a:v1'), 'v2', 'stable']);
    await push('lists/b:v1');
    expect(await lines('repo', 'tags', ...trust, named('lists/a'))).toEqual(['stable', 'v1', 'v2']);
    expect(await lines('repo', 'ls', ...trust, `${registry.hostPort}/lists/`)).toEqual(['a', 'b']);
    expect(await resolve('lists/a:stable')).toBe(await resolve('lists/a:v1'));
  });

  test('copies within the registry, with what is attached', async () => {
    await push('copies/from:v1');
    const about = ['attach', ...trust, '--artifact-type', 'example/sbom', named('copies/from:v1')];
    await oras.run([...about, 'settings.conf'], { cwd: at('files') });
    const [certificateOption = '', certificate = ''] = trust;
    const both = ['from', 'to'].flatMap((end) => [certificateOption.replace('--', `--${end}-`), certificate]);
    await oras.run(['copy', '--recursive', ...both, named('copies/from:v1'), named('copies/to:v2')]);
    expect(await resolve('copies/to:v2')).toBe(await resolve('copies/from:v1'));
    const discovered = await oras.run(['discover', ...trust, '--format', 'json', named('copies/to:v2')]);
    expect(discovered).toContain('example/sbom');
  });

  test('deletes manifests and blobs', async () => {
    await push('deleted:v1');
    const { layers } = JSON.parse(await oras.run(['manifest', 'fetch', ...trust, named('deleted:v1')])) as {
      readonly layers: readonly Descriptor[];
    };
    await oras.run([
      'manifest',
      'delete',
      ...trust,
      '--force',
      named(`deleted@${await resolve('deleted:v1')}`),
    ]);
    await expect(resolve('deleted:v1')).rejects.toThrow(/not found/i);
    const blob = named(`deleted@${layers[1]?.digest}`);
    await oras.run(['blob', 'delete', ...trust, '--force', blob]);
    await expect(oras.run(['blob', 'fetch', ...trust, '--output', at('blob'), blob])).rejects.toThrow(
      /not found/i,
    );
    // Another repository that has it keeps it.
    await oras.run([
      'blob',
      'fetch',
      ...trust,
      '--output',
      at('blob'),
      named(`settings@${layers[1]?.digest}`),
    ]);
    expect((await readFile(at('blob'))).equals(FIRMWARE)).toBe(true);
  });
});

describe('oras and slipway, on one registry', () => {
  let registry: RegistryProcess;
  let image: Descriptor;

  beforeAll(async () => {
    registry = resources.use(await serveRegistryProcess(at('shared')));
    await using writer = await openLayoutWriter(at('layout'));
    image = await writeSmallImage(writer, 'v1', { bulkBytes: 2_000_000 });
    await slipway(['push', '-q', `oci:${at('layout')}:v1`, `${registry.hostPort}/os:v1`]);
  });

  test('an image pushed by slipway goes out by oras, and in again, the same', async () => {
    const target = `${at('out')}:v1`;
    await oras.run(['copy', '--from-plain-http', '--to-oci-layout', `${registry.hostPort}/os:v1`, target]);
    expect((await readLayoutIndex(at('out')))?.entries).toMatchObject([{ digest: image.digest }]);
    const again = `${registry.hostPort}/again:v1`;
    await oras.run(['copy', '--from-oci-layout', '--to-plain-http', target, again]);
    const copied = await slipwayJson(['copy', '--platform', 'linux/amd64', again, `oci:${at('back')}:v1`]);
    expect(copied).toMatchObject({ digest: image.digest });
    await using back = openImage(parseReference(`oci:${at('back')}:v1`));
    expect((await back.resolve('amd64')).config.labels).toMatchObject({ seed: '1' });
  });

  test('an artefact pushed by oras is pulled by slipway', async () => {
    const artefact = `${registry.hostPort}/settings:v1`;
    const words = ['--plain-http', '--artifact-type', ARTIFACT_TYPE];
    await oras.run(['push', ...words, artefact, 'settings.conf', 'firmware.bin'], { cwd: at('files') });
    const digest = (await oras.run(['resolve', '--plain-http', artefact])).trim();
    expect(await slipwayJson(['copy', '--all', artefact, `oci:${at('artefact')}:v1`])).toMatchObject({
      digest,
    });
    await using copied = openImage(parseReference(`oci:${at('artefact')}:v1`));
    const { layers } = JSON.parse(Buffer.from((await copied.readDocument()).bytes).toString('utf8')) as {
      readonly layers: readonly Descriptor[];
    };
    const files = await Promise.all(
      layers.map(({ digest: blob }) => readFile(blobPath(at('artefact'), blob))),
    );
    expect(files.map((file) => file.length)).toEqual([SETTINGS.length, FIRMWARE.length]);
    expect(Buffer.concat(files).equals(Buffer.concat([SETTINGS, FIRMWARE]))).toBe(true);
  });

  test('a file pushed by slipway is pulled by oras', async () => {
    const target = `${registry.hostPort}/firmware:v1`;
    await slipway(['registry', 'push-file', at('files/firmware.bin'), target]);
    await oras.run(['pull', '--plain-http', '--output', at('file'), target]);
    expect((await readFile(at('file/firmware.bin'))).equals(FIRMWARE)).toBe(true);
  });
});
