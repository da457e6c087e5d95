/** The client and certificates, proxies, plain HTTP. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createServer, request } from 'node:http';
import { type AddressInfo, connect, createServer as createTcpServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { listen, makeCertificate, RegistryLab, source } from '../testing/registry-lab.ts';
import { type RegistryEntry } from './registries-conf.ts';

let lab: RegistryLab;

beforeAll(async () => {
  lab = await RegistryLab.open();
});

afterAll(async () => {
  await lab[Symbol.asyncDispose]();
});

describe('a registry with TLS', () => {
  let host: string;
  let certificates: string;
  beforeAll(async () => {
    const { key, certificate } = makeCertificate(lab.path, 'tls');
    host = await lab.startRegistry('tls', { tls: { certificate, key } });
    certificates = join(lab.path, 'certs.d');
    await mkdir(join(certificates, host), { recursive: true });
    await writeFile(join(certificates, host, 'ca.crt'), await readFile(certificate));
    await lab.push(`${host}/os:v1`, { plainHttp: false, certificateDirectories: [certificates] });
  });

  test('is trusted by its authority only', async () => {
    await using from = source(`${host}/os:v1`, { plainHttp: false, certificateDirectories: [certificates] });
    await lab.pull(from);
    await using untrusted = source(`${host}/os:v1`, { plainHttp: false });
    await expect(untrusted.resolve('amd64')).rejects.toMatchObject({
      code: 'OCI_UNREACHABLE',
      hint: expect.stringContaining('certificate is not trusted'),
    });
  });

  test('called insecure: any certificate, or none', async () => {
    const insecure = (location: string): RegistryEntry => ({
      prefix: location,
      location,
      blocked: false,
      insecure: true,
      mirrors: [],
    });
    await using any = source(`${host}/os:v1`, { registries: [insecure(host)] });
    await lab.pull(any);
    await using none = source(`${lab.plain}/os:v1`, { registries: [insecure(lab.plain)] });
    await lab.pull(none);
  });

  test('through a proxy of the environment, but not to this machine', async () => {
    const tunnels: string[] = [];
    const gateway = createServer();
    gateway.on('connect', (request, client) => {
      tunnels.push(request.url ?? '');
      const [address, port] = host.split(':');
      const upstream = connect(Number(port), address, () => {
        client.write('HTTP/1.1 200 Connection established\r\n\r\n');
        upstream.pipe(client).pipe(upstream);
      });
      upstream.on('error', () => client.destroy());
      client.on('error', () => upstream.destroy());
    });
    vi.stubEnv('https_proxy', `http://${await listen(gateway)}`);
    vi.stubEnv('no_proxy', '');
    await mkdir(join(certificates, 'r.test'));
    await writeFile(
      join(certificates, 'r.test', 'ca.crt'),
      await readFile(join(certificates, host, 'ca.crt')),
    );
    await using far = source('r.test/os:v1', { certificateDirectories: [certificates] });
    await lab.pull(far);
    expect(new Set(tunnels)).toEqual(new Set(['r.test:443']));
    await using near = source(`${host}/os:v1`, { plainHttp: false, certificateDirectories: [certificates] });
    await lab.pull(near);
    expect(new Set(tunnels)).toEqual(new Set(['r.test:443']));
    vi.unstubAllEnvs();
    gateway.close();
  });

  test('plain HTTP through a proxy that wants a password', async () => {
    const asked: string[] = [];
    const gateway = createServer(({ url = '', headers, method }, answer) => {
      asked.push(`${headers.host} ${headers['proxy-authorization'] ?? ''}`);
      const { pathname, search } = new URL(url);
      const onward = request(`http://${lab.plain}${pathname}${search}`, { method, headers }, (upstream) => {
        answer.writeHead(upstream.statusCode ?? 0, upstream.headers);
        upstream.pipe(answer);
      });
      onward.end();
    });
    vi.stubEnv('http_proxy', `http://us:pass@${await listen(gateway)}`);
    vi.stubEnv('no_proxy', '');
    await using far = source('r.test:5000/os:v1', { plainHttp: true });
    await lab.pull(far);
    const basic = Buffer.from('us:pass').toString('base64');
    expect(new Set(asked)).toEqual(new Set([`r.test:5000 Basic ${basic}`]));
    vi.unstubAllEnvs();
    gateway.close();
  });

  test('is found on this machine without being told, and trusted no more for it', async () => {
    await using from = source(`${host}/os:v1`, { certificateDirectories: [certificates] });
    expect(await from.resolveDigest()).toBe(lab.image.digest);
    await using unknown = source(`${host}/os:v1`);
    await expect(unknown.resolveDigest()).rejects.toMatchObject({
      message: expect.stringContaining('its certificate is signed by nobody this machine trusts'),
    });
  });

  test('plain HTTP where HTTPS was meant', async () => {
    await using from = source(`${lab.plain}/os:v1`, { plainHttp: false });
    await expect(from.resolve('amd64')).rejects.toMatchObject({
      code: 'OCI_UNREACHABLE',
      message: `cannot pull the manifest v1 of ${lab.plain}/os: it does not speak TLS`,
      hint: expect.stringContaining('insecure = true'),
    });
  });

  test('that wants to know who we are is shown our certificate', async () => {
    const own = makeCertificate(lab.path, 'client');
    const server = makeCertificate(lab.path, 'mutual');
    const tls = { ...server, clientcas: [own.certificate] };
    const mutual = await lab.startRegistry('mutual-registry', { tls });
    const known = join(lab.path, 'known.d');
    const directory = join(known, mutual);
    await mkdir(directory, { recursive: true });
    await writeFile(join(directory, 'ca.crt'), await readFile(server.certificate));
    await using nobody = source(`${mutual}/os:v1`, { plainHttp: false, certificateDirectories: [known] });
    await expect(nobody.resolve('amd64')).rejects.toMatchObject({ code: 'OCI_UNREACHABLE' });
    await writeFile(join(directory, 'us.cert'), await readFile(own.certificate));
    await expect(
      lab.push(`${mutual}/os:v1`, { plainHttp: false, certificateDirectories: [known] }),
    ).rejects.toMatchObject({ code: 'OCI_CERTIFICATES_INVALID' });
    await writeFile(join(directory, 'us.key'), await readFile(own.key));
    await lab.push(`${mutual}/os:v1`, { plainHttp: false, certificateDirectories: [known] });
    await using us = source(`${mutual}/os:v1`, { plainHttp: false, certificateDirectories: [known] });
    await lab.pull(us);
  });

  test('at an IPv6 address', async () => {
    const gateway = createTcpServer((client) => {
      const [address = '', port] = lab.plain.split(':');
      const upstream = connect(Number(port), address);
      client.pipe(upstream).pipe(client);
      client.on('error', () => upstream.destroy());
      upstream.on('error', () => client.destroy());
    });
    await new Promise<void>((resolve) => {
      gateway.listen(0, '::1', resolve);
    });
    const { port } = gateway.address() as AddressInfo;
    await using from = source(`[::1]:${port}/os:v1`);
    await lab.pull(from);
    gateway.close();
  });
});
