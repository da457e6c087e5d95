import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createSecureContext, getCACertificates, type SecureContext } from 'node:tls';
import { errnoOf, messageOf, SlipwayError } from '@slipway/core';

/** What a TLS connection is made with. */
export interface TlsOptions {
  readonly secureContext?: SecureContext;
  readonly rejectUnauthorized?: boolean;
}

/**
 * Certificates for a registry (containers-certs.d(5)): authorities of Node and of the machine, `*.crt` of the
 * registry's directory as more authorities, `NAME.cert` with `NAME.key` to identify ourselves.
 *
 * @param host `host[:port]`
 * @throws SlipwayError OCI_CERTIFICATES_INVALID
 */
export async function tlsOptionsFor(
  host: string,
  directories: readonly string[],
  anyCertificate: boolean,
): Promise<TlsOptions> {
  const files = await certificateFiles(host, directories);
  try {
    return { secureContext: contextOf(files), rejectUnauthorized: !anyCertificate };
  } catch (cause) {
    throw invalid(host, messageOf(cause), cause);
  }
}

/** Some three hundred authorities take as long to read as a request does: contexts are kept, by what is in them. */
const contexts = new Map<string, SecureContext>();
const MAX_CONTEXTS = 32;

function contextOf({ authorities, identity }: CertificateFiles): SecureContext {
  const hash = createHash('sha256');
  for (const file of [...authorities, identity?.cert ?? '', identity?.key ?? '']) {
    hash.update(`${file.length}:`).update(file);
  }
  const key = hash.digest('hex');
  const known = contexts.get(key);
  if (known !== undefined) return known;
  const made = createSecureContext({ ca: [...systemAuthorities(), ...authorities], ...identity });
  if (contexts.size >= MAX_CONTEXTS) contexts.clear();
  contexts.set(key, made);
  return made;
}

/**
 * Node brings its own list, as of its release; the machine's owner adds to the system's. Systems have each certificate under several
 * names, and most are in both lists: each is read once.
 */
function systemAuthorities(): string[] {
  const all = [...getCACertificates('default'), ...getCACertificates('system')];
  return [...new Set(all.map((certificate) => certificate.trim()))];
}

interface CertificateFiles {
  readonly authorities: readonly Buffer[];
  readonly identity: { readonly cert: Buffer; readonly key: Buffer } | undefined;
}

/** The first directory there is for the registry counts, as for podman. */
async function certificateFiles(host: string, directories: readonly string[]): Promise<CertificateFiles> {
  for (const directory of directories.map((parent) => join(parent, host))) {
    const names = await namesIn(directory);
    if (names === undefined) continue;
    const certificate = names.find((name) => name.endsWith('.cert'));
    const authorityNames = names.filter((name) => name.endsWith('.crt'));
    return {
      authorities: await Promise.all(authorityNames.map((name) => readFile(join(directory, name)))),
      identity: certificate === undefined ? undefined : await readIdentity(host, directory, certificate),
    };
  }
  return { authorities: [], identity: undefined };
}

async function readIdentity(
  host: string,
  directory: string,
  certificate: string,
): Promise<{ readonly cert: Buffer; readonly key: Buffer }> {
  const keyPath = join(directory, certificate.replace(/\.cert$/, '.key'));
  try {
    return { cert: await readFile(join(directory, certificate)), key: await readFile(keyPath) };
  } catch (cause) {
    throw invalid(host, `${keyPath} must stand beside the certificate`, cause);
  }
}

async function namesIn(directory: string): Promise<string[] | undefined> {
  try {
    return (await readdir(directory)).toSorted();
  } catch (cause) {
    if (errnoOf(cause) === 'ENOENT' || errnoOf(cause) === 'ENOTDIR') return undefined;
    throw new SlipwayError('IO_FAILED', `cannot read ${directory}`, { cause });
  }
}

function invalid(host: string, problem: string, cause: unknown): SlipwayError {
  return new SlipwayError('OCI_CERTIFICATES_INVALID', `cannot use the certificates for ${host}: ${problem}`, {
    hint: 'see containers-certs.d(5)',
    cause,
  });
}
