/** Debian's docker-registry with a small image in it, as many as a test wants, for tests. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { makeTempDir, type TempDir } from '@slipway/core';
import { expect } from 'vitest';
import { copyImage } from '../copy-image.ts';
import type { Descriptor, Digest, ImageSource, ResolvedImage } from '../image.ts';
import { type OpenLayerOptions, openLayer } from '../layer/open-layer.ts';
import { openLayoutWriter } from '../layout/writer.ts';
import { openImage, openTarget } from '../open-image.ts';
import { parseReference } from '../reference.ts';
import { type CredentialSource, type Credentials, NO_CREDENTIALS } from '../registry/credentials.ts';
import type { RegistryTargetOptions } from '../registry/target.ts';
import { readTar } from '../tar/reader.ts';
import { writeSmallImage } from './small-image.ts';

/** Quick retries, nothing of this machine's configuration. */
export const QUICK: RegistryTargetOptions = {
  retry: { attempts: 4, baseMs: 1, maxMs: 5 },
  credentials: NO_CREDENTIALS,
  registries: [],
  certificateDirectories: [],
};

/** Who may use a registry with passwords. */
export const PASSWORD: Credentials & { readonly kind: 'password' } = {
  kind: 'password',
  username: 'someone',
  password: 'secret',
};

/** {@link PASSWORD} as docker-registry reads it. */
export const HTPASSWD = 'someone:$2y$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW\n';

/** The same credentials everywhere. */
export function as(credentials: Credentials): CredentialSource {
  return { find: () => Promise.resolve(credentials) };
}

/** Opens an image with {@link QUICK} options. */
export function source(reference: string, options: RegistryTargetOptions = {}): ImageSource {
  return openImage(parseReference(reference), { ...QUICK, ...options });
}

/** The large layer. */
export function bulk(resolved: ResolvedImage): Descriptor {
  const layer = resolved.manifest.layers[1];
  if (layer === undefined) throw new Error('no layer');
  return layer;
}

/** Listens on the loopback; `127.0.0.1:PORT`. */
export async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** A certificate that vouches for itself, for the loopback and `r.test`, and its key. */
export function makeCertificate(
  directory: string,
  name: string,
  keyType: readonly string[] = ['ec', '-pkeyopt', 'ec_paramgen_curve:P-256'],
): { readonly key: string; readonly certificate: string } {
  const [key, certificate] = [join(directory, `${name}.key`), join(directory, `${name}.crt`)];
  const files = ['-keyout', key, '-out', certificate, '-days', '2', '-subj', `/CN=${name}`];
  const names = ['-addext', 'subjectAltName=IP:127.0.0.1,DNS:r.test'];
  execFileSync('openssl', ['req', '-x509', '-newkey', ...keyType, '-nodes', ...files, ...names], {
    stdio: 'ignore',
  });
  return { key, certificate };
}

/** What docker-registry is configured with. */
interface RegistryConfig {
  readonly auth?: object;
  readonly tls?: object;
}

/** A layout with an image, and a plain registry that has it as `os:v1`. */
export class RegistryLab implements AsyncDisposable {
  readonly path: string;
  readonly layoutPath: string;
  readonly image: Descriptor;
  /** `127.0.0.1:PORT` of the plain registry. */
  readonly plain: string;
  readonly #temp: TempDir;
  readonly #processes: ChildProcess[];

  private constructor(
    temp: TempDir,
    image: Descriptor,
    plain: { readonly host: string; readonly child: ChildProcess },
  ) {
    this.path = temp.path;
    this.layoutPath = join(temp.path, 'layout');
    this.image = image;
    this.plain = plain.host;
    this.#temp = temp;
    this.#processes = [plain.child];
  }

  static async open(): Promise<RegistryLab> {
    const temp = await makeTempDir('registry-lab');
    const layout = await openLayoutWriter(join(temp.path, 'layout'));
    const image = await writeSmallImage(layout, 'v1', { bulkBytes: 500_000 });
    const lab = new RegistryLab(temp, image, await spawnRegistry(temp.path, 'plain', {}));
    await lab.push(`${lab.plain}/os:v1`);
    return lab;
  }

  /** Starts another registry with a storage of its own and says where it listens. */
  async startRegistry(name: string, config: RegistryConfig = {}): Promise<string> {
    const { host, child } = await spawnRegistry(this.path, name, config);
    this.#processes.push(child);
    return host;
  }

  /** Pushes an image of the layout. */
  async push(reference: string, options: RegistryTargetOptions = {}, tag = 'v1'): Promise<Digest> {
    await using from = openImage(parseReference(`oci:${this.layoutPath}:${tag}`));
    const parsed = parseReference(reference);
    await using to = await openTarget(parsed, { ...QUICK, ...options });
    return await copyImage(from, await from.resolve('amd64'), to, { tag: parsed.tag });
  }

  /** Resolves the image and reads every layer, as an import does. */
  async pull(from: ImageSource, options: Partial<OpenLayerOptions> = {}): Promise<ResolvedImage> {
    const resolved = await from.resolve('amd64');
    const names: string[] = [];
    for (const index of resolved.manifest.layers.keys()) {
      const layer = openLayer(from, resolved, index, { cacheDir: this.path, ...options });
      for await (const entry of readTar(layer)) names.push(entry.path);
    }
    expect(names).toEqual(['etc/', 'etc/os-release', 'bulk']);
    return resolved;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.#processes) child.kill('SIGKILL');
    await this.#temp[Symbol.asyncDispose]();
  }
}

async function spawnRegistry(
  parent: string,
  name: string,
  config: RegistryConfig,
): Promise<{ readonly host: string; readonly child: ChildProcess }> {
  const directory = join(parent, name);
  await mkdir(directory);
  const path = join(directory, 'config.json');
  await writeFile(
    path,
    JSON.stringify({
      version: 0.1,
      log: { level: 'info', accesslog: { disabled: true } },
      storage: { filesystem: { rootdirectory: join(directory, 'data') }, delete: { enabled: true } },
      http: { addr: '127.0.0.1:0', secret: 'for tests', ...(config.tls ? { tls: config.tls } : {}) },
      ...(config.auth ? { auth: config.auth } : {}),
    }),
  );
  const child = spawn('docker-registry', ['serve', path], { stdio: ['ignore', 'pipe', 'pipe'] });
  const host = await new Promise<string>((resolve, reject) => {
    let output = '';
    const read = (chunk: Buffer): void => {
      output += chunk.toString();
      const port = /listening on 127\.0\.0\.1:(?<port>[0-9]+)/.exec(output)?.groups?.['port'];
      if (port !== undefined) resolve(`127.0.0.1:${port}`);
    };
    child.stdout.on('data', read);
    child.stderr.on('data', read);
    child.once('error', () => reject(new Error('these tests need the Debian package docker-registry')));
    child.once('exit', () => reject(new Error(`docker-registry ended: ${output}`)));
  });
  return { host, child };
}
