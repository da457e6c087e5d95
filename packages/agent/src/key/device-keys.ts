import { createECDH, createPrivateKey } from 'node:crypto';
import { isSlipwayError, type Logger, messageOf, SlipwayError } from '@slipway/core';
import type { AgentFiles } from '../record/agent-files.ts';
import { noTpm, type SealedSecret, type Tpm } from './tpm.ts';

/** Where the key of a host is kept. `auto`: sealed by the TPM where there is one. */
export type KeyChoice = 'auto' | KeyStorage;
export type KeyStorage = 'tpm' | 'file';

/** The key of a host. */
export interface DeviceKey {
  /** PKCS #8, PEM. */
  readonly pem: string;
  readonly storage: KeyStorage;
}

export interface DeviceKeysOptions {
  readonly files: AgentFiles;
  readonly tpm: Tpm;
  readonly choice: KeyChoice;
  readonly log: Logger;
}

/** The blobs of the key, where the TPM sealed it. */
const SEALED = 'key.tpm.json';
const CURVE = 'prime256v1';
const SCALAR_BYTES = 32;

/**
 * The key of this host; made on the first call. It is on disk, as it is to be kept, before anybody hears of it.
 *
 * A choice other than the one before moves the key; `auto` leaves it where it is. In between a power cut leaves both, and the next call
 * finishes. A key that was sealed is never replaced by a new one without being told: the device would be another.
 *
 * @throws SlipwayError AGENT_KEY_UNUSABLE, TOOL_MISSING where the TPM is insisted on, or has the key
 */
export async function openDeviceKey(options: DeviceKeysOptions): Promise<DeviceKey> {
  const { files, choice } = options;
  const [sealed, pem] = [await files.readJson(SEALED), await files.readKey()];
  if (choice === 'file') return await openFile(options, sealed, pem);
  if (sealed !== undefined) {
    const unsealed = await unseal(options, sealed);
    await files.removeKey();
    return { pem: unsealed, storage: 'tpm' };
  }
  if (choice === 'auto') return pem === undefined ? await makeAuto(options) : { pem, storage: 'file' };
  return await seal(options, pem ?? (await makeKey()));
}

async function openFile(
  options: DeviceKeysOptions,
  sealed: object | undefined,
  pem: string | undefined,
): Promise<DeviceKey> {
  const { files } = options;
  const key = pem ?? (sealed === undefined ? await makeKey() : await unseal(options, sealed));
  if (pem === undefined) await files.saveKey(key);
  await files.remove(SEALED);
  return { pem: key, storage: 'file' };
}

/** The one place where a file is taken instead: a new key, on a host that did not insist. */
async function makeAuto(options: DeviceKeysOptions): Promise<DeviceKey> {
  const { files, tpm, log } = options;
  const pem = await makeKey();
  try {
    if (await tpm.isThere()) return await seal(options, pem);
    log.info('the key of this host is kept in a file: it has no TPM');
  } catch (thrown) {
    if (!isSlipwayError(thrown)) throw thrown;
    log.warn('the key of this host is kept in a file: its TPM cannot be used', { reason: messageOf(thrown) });
  }
  await files.saveKey(pem);
  return { pem, storage: 'file' };
}

async function makeKey(): Promise<string> {
  // Much memory for what is done once.
  return await (await import('../protocol/device-key.ts')).makeDeviceKey();
}

/** The sealed key is on disk, and was read back, before the open one goes. */
async function seal({ files, tpm }: DeviceKeysOptions, pem: string): Promise<DeviceKey> {
  if (!(await tpm.isThere())) throw noTpm();
  const { d } = createPrivateKey(pem).export({ format: 'jwk' });
  const scalar = Buffer.from(d ?? '', 'base64url');
  const sealed = await tpm.seal(scalar);
  if (!(await tpm.unseal(sealed)).equals(scalar))
    throw unusable('it gives back something else than it was given');
  await files.writeJson(SEALED, { version: 1, ...sealed });
  await files.removeKey();
  return { pem, storage: 'tpm' };
}

async function unseal({ tpm, files }: DeviceKeysOptions, json: object): Promise<string> {
  if (!isSealed(json)) throw unusable(`${files.directory}/${SEALED} is malformed`);
  if (!(await tpm.isThere())) throw unusable('the TPM it was sealed by is not there');
  let scalar: Buffer;
  try {
    scalar = await tpm.unseal(json);
  } catch (thrown) {
    if (!isSlipwayError(thrown, 'TOOL_FAILED')) throw thrown;
    throw unusable(`the TPM does not unseal it: ${thrown.message}`, thrown);
  }
  if (scalar.length !== SCALAR_BYTES) throw unusable('what the TPM unseals is no key');
  return pemOf(scalar);
}

function pemOf(scalar: Buffer): string {
  const pair = createECDH(CURVE);
  pair.setPrivateKey(scalar);
  const point = pair.getPublicKey();
  const jwk = {
    kty: 'EC',
    crv: 'P-256',
    d: scalar.toString('base64url'),
    x: point.subarray(1, 1 + SCALAR_BYTES).toString('base64url'),
    y: point.subarray(1 + SCALAR_BYTES).toString('base64url'),
  };
  const key = createPrivateKey({ key: jwk, format: 'jwk' });
  // Letter by letter what was made.
  return key.export({ type: 'pkcs8', format: 'pem' }).trimEnd();
}

function isSealed(json: object): json is SealedSecret {
  const { version, public: open, private: secret } = json as Readonly<Record<string, unknown>>;
  return version === 1 && typeof open === 'string' && typeof secret === 'string';
}

function unusable(why: string, cause?: unknown): SlipwayError {
  return new SlipwayError('AGENT_KEY_UNUSABLE', `cannot use the key of this host: ${why}`, {
    hint: `if its TPM was replaced or cleared, remove ${SEALED} from the directory of the agent: the host then asks to be let in by a new key`,
    cause,
  });
}
