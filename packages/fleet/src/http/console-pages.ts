import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { OtherPages } from './app.ts';

/** Files of the console by their path: `index.html`, `assets/index-….js`. */
export type PageFiles = ReadonlyMap<string, Uint8Array>;

const INDEX = 'index.html';
/** The builder puts a digest into the names of these: what is under such a name never changes. */
const HASHED = /^assets\//;
const TYPES: Readonly<Record<string, string>> = {
  html: 'text/html; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
  svg: 'image/svg+xml',
  woff2: 'font/woff2',
  png: 'image/png',
  jpg: 'image/jpeg',
};
const PACKABLE: ReadonlySet<string> = new Set(['html', 'js', 'css', 'svg']);

/** Scripts, styles and data come from here and nowhere else, and no page of others may show this one. */
const HEADERS = {
  'content-security-policy':
    "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
} as const;

interface PageFile {
  readonly bytes: Uint8Array;
  readonly etag: string;
  readonly extension: string;
  packed?: Promise<Uint8Array>;
}

/**
 * Answers with the files of the console. Addresses of pages, which the console makes up itself, are its first file, so that they can be
 * reloaded and sent to others; addresses of the API that do not exist stay refusals.
 */
export function consolePages(files: PageFiles): OtherPages {
  const known = new Map([...files].map(([path, bytes]) => [path, pageFile(path, bytes)]));
  return async (request, reply) => {
    if (request.method !== 'GET' && request.method !== 'HEAD') return false;
    const path = (request.url.split('?')[0] ?? '').slice(1);
    const exact = known.get(path);
    const file = exact ?? (isPage(request, path) ? known.get(INDEX) : undefined);
    if (file === undefined) return false;
    await sendFile(file, exact !== undefined && HASHED.test(path), request, reply);
    return true;
  };
}

function pageFile(path: string, bytes: Uint8Array): PageFile {
  const digest = createHash('sha256').update(bytes).digest('base64url').slice(0, 22);
  return { bytes, etag: `"${digest}"`, extension: path.split('.').at(-1) ?? '' };
}

/** A browser that goes somewhere says that it wants a page; a script that asks for data does not. */
function isPage({ headers }: FastifyRequest, path: string): boolean {
  return !/^(?:api|v2|compat)\//.test(path) && (headers.accept ?? '').includes('text/html');
}

async function sendFile(
  file: PageFile,
  isHashed: boolean,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<void> {
  void reply.headers({
    ...HEADERS,
    etag: file.etag,
    vary: 'accept-encoding',
    'cache-control': isHashed ? 'public, max-age=31536000, immutable' : 'no-cache',
  });
  if (request.headers['if-none-match'] === file.etag) {
    await reply.code(304).send();
    return;
  }
  void reply.type(TYPES[file.extension] ?? 'application/octet-stream');
  const isPacked = PACKABLE.has(file.extension) && /\bgzip\b/.test(request.headers['accept-encoding'] ?? '');
  if (isPacked) void reply.header('content-encoding', 'gzip');
  await reply.send(Buffer.from(isPacked ? await packed(file) : file.bytes));
}

/** Packed once, when somebody first wants it. */
function packed(file: PageFile): Promise<Uint8Array> {
  file.packed ??= promisify(gzip)(file.bytes);
  return file.packed;
}
