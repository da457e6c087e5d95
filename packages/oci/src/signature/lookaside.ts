/** Reads simple signatures from beside a registry: `PLACE/REPOSITORY@ALGORITHM=HEX/signature-N` (containers-signature(5), containers-registries.d(5)). */
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { collectBytes, errnoOf, messageOf, type OperationOptions, SlipwayError } from '@slipway/core';
import { digestAlgorithm, digestHex } from '../digest.ts';
import type { Digest } from '../image.ts';
import type { RegistryReference } from '../reference.ts';
import { DEFAULT_TIMEOUTS, HttpClient } from '../registry/http.ts';

/** Far more than anybody puts on one image. */
const MAX_SIGNATURES = 128;
const MAX_SIGNATURE_BYTES = 4 * 2 ** 20;

/**
 * Reads signature 1, 2, … until there is none.
 *
 * @param place URL: `file:///var/lib/containers/sigstore`, `https://…`
 * @throws SlipwayError OCI_UNREACHABLE, OCI_REGISTRY_FAILED, IO_FAILED
 */
export async function readLookaside(
  place: string,
  { repository }: RegistryReference,
  signed: Digest,
  options: OperationOptions = {},
): Promise<readonly Uint8Array[]> {
  // The name of the registry is no part of it: places are configured by registry.
  const directory = `${repository}@${digestAlgorithm(signed)}=${digestHex(signed)}`;
  const base = place.endsWith('/') ? place : `${place}/`;
  await using http = new HttpClient({
    timeouts: DEFAULT_TIMEOUTS,
    anyCertificate: false,
    certificateDirectories: [],
  });
  const signatures: Uint8Array[] = [];
  while (signatures.length < MAX_SIGNATURES) {
    const url = new URL(`${base}${directory}/signature-${signatures.length + 1}`);
    const found = url.protocol === 'file:' ? await readLocal(url) : await fetchOne(http, url, options);
    if (found === undefined) break;
    signatures.push(found);
  }
  return signatures;
}

async function readLocal(url: URL): Promise<Uint8Array | undefined> {
  const path = fileURLToPath(url);
  try {
    return await readFile(path);
  } catch (cause) {
    if (errnoOf(cause) === 'ENOENT' || errnoOf(cause) === 'ENOTDIR') return undefined;
    throw new SlipwayError('IO_FAILED', `cannot read the signature ${path}: ${messageOf(cause)}`, { cause });
  }
}

async function fetchOne(
  http: HttpClient,
  url: URL,
  { signal }: OperationOptions,
): Promise<Uint8Array | undefined> {
  try {
    const response = await http.send({ method: 'GET', url, ...(signal === undefined ? {} : { signal }) });
    if (response.status === 200) {
      return await collectBytes(response.body, MAX_SIGNATURE_BYTES, () => refused(url, 'it is too large'));
    }
    await response.discard();
    if (response.status === 404) return undefined;
    throw refused(url, `it answers with status ${response.status}`);
  } catch (cause) {
    signal?.throwIfAborted();
    if (cause instanceof SlipwayError) throw cause;
    throw new SlipwayError(
      'OCI_UNREACHABLE',
      `cannot look for signatures at ${url.href}: ${messageOf(cause)}`,
      {
        hint: 'the address stands in /etc/containers/registries.d',
        cause,
      },
    );
  }
}

function refused(url: URL, problem: string): SlipwayError {
  return new SlipwayError('OCI_REGISTRY_FAILED', `cannot look for signatures at ${url.href}: ${problem}`);
}
