import fastify, { type FastifyInstance } from 'fastify';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { consolePages, type PageFiles } from './console-pages.ts';

const SCRIPT = 'export const page = 1;\n'.repeat(100);
const FILES: PageFiles = new Map([
  ['index.html', Buffer.from('<!doctype html><title>fleet</title>')],
  ['assets/index-abc.js', Buffer.from(SCRIPT)],
  ['assets/font.woff2', Buffer.from([1, 2, 3])],
]);
const BROWSER = { accept: 'text/html,application/xhtml+xml' };

let app: FastifyInstance;

beforeAll(() => {
  app = fastify();
  const pages = consolePages(FILES);
  app.setNotFoundHandler(async (request, reply) => {
    if (!(await pages(request, reply))) await reply.code(404).send('nothing');
  });
});
afterAll(async () => await app.close());

test('every address a person goes to is the console, of the API only what there is', async () => {
  for (const url of ['/', '/devices', '/devices/box-1?x=1', '/rollouts/..%2f..%2fetc/passwd']) {
    const response = await app.inject({ url, headers: BROWSER });
    expect(response.statusCode, url).toBe(200);
    expect(response.body).toContain('<title>fleet</title>');
    expect(response.headers['content-security-policy']).toContain("frame-ancestors 'none'");
  }
  for (const url of ['/api/v1/nothing', '/v2/os/manifests/none']) {
    expect((await app.inject({ url, headers: BROWSER })).statusCode, url).toBe(404);
  }
  expect((await app.inject({ url: '/devices', headers: { accept: 'application/json' } })).statusCode).toBe(
    404,
  );
  expect((await app.inject({ method: 'POST', url: '/', headers: BROWSER })).statusCode).toBe(404);
});

test('files with a digest in their names are kept by browsers, the page is asked for again', async () => {
  const script = await app.inject({ url: '/assets/index-abc.js' });
  expect(script.headers['cache-control']).toContain('immutable');
  const page = await app.inject({ url: '/', headers: BROWSER });
  expect(page.headers['cache-control']).toBe('no-cache');
  const again = await app.inject({
    url: '/',
    headers: { ...BROWSER, 'if-none-match': String(page.headers.etag) },
  });
  expect(again.statusCode).toBe(304);
});

test('what packs is sent packed to who takes it', async () => {
  const packed = await app.inject({
    url: '/assets/index-abc.js',
    headers: { 'accept-encoding': 'br, gzip' },
  });
  expect(packed.headers['content-encoding']).toBe('gzip');
  expect(packed.rawPayload.length).toBeLessThan(SCRIPT.length / 5);
  const plain = await app.inject({ url: '/assets/index-abc.js' });
  expect(plain.body).toBe(SCRIPT);
  const font = await app.inject({ url: '/assets/font.woff2', headers: { 'accept-encoding': 'gzip' } });
  expect(font.headers['content-encoding']).toBeUndefined();
  expect([...font.rawPayload]).toEqual([1, 2, 3]);
});
