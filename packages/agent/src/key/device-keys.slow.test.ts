import { createPrivateKey } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeTempDir, silentLog, type TempDir } from '@slipway/core';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { makeDeviceKey } from '../protocol/device-key.ts';
import { AgentFiles } from '../record/agent-files.ts';
import { startTestTpm } from '../testing/swtpm.ts';
import { type DeviceKey, type KeyChoice, openDeviceKey } from './device-keys.ts';
import { Tpm } from './tpm.ts';

const NO_TPM = new Tpm('');
let directory: TempDir;
let files: AgentFiles;
let said: string[];

beforeEach(async () => {
  directory = await makeTempDir('keys');
  files = new AgentFiles(join(directory.path, 'agent'), silentLog);
  await files.prepare();
  said = [];
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await directory[Symbol.asyncDispose]();
});

async function open(choice: KeyChoice, tpm: Tpm): Promise<DeviceKey> {
  const say = (message: string): void => void said.push(message);
  return await openDeviceKey({ files, tpm, choice, log: { ...silentLog, info: say, warn: say } });
}

/** Everything the agent has on the disk. */
async function onDisk(): Promise<string> {
  const names = await readdir(files.directory);
  const texts = await Promise.all(names.map((name) => readFile(join(files.directory, name), 'latin1')));
  return names.join('\n') + texts.join('\n');
}

/** The secret number of a key, as somebody could look for it. */
function secretsOf({ pem }: DeviceKey): readonly string[] {
  const scalar = Buffer.from(createPrivateKey(pem).export({ format: 'jwk' }).d ?? '', 'base64url');
  expect(scalar).toHaveLength(32);
  const forms = (['latin1', 'hex', 'base64url'] as const).map((form) => scalar.toString(form));
  return ['PRIVATE KEY', scalar.toString('base64').slice(0, 40), ...forms];
}

test('a key is sealed by the TPM where there is one; the disk alone does not give it', async () => {
  const at = join(directory.path, 'tpm');
  let made: DeviceKey;
  {
    await using device = await startTestTpm(at);
    made = await open('auto', new Tpm(device.tcti));
    expect(made.storage).toBe('tpm');
    const disk = await onDisk();
    expect(disk).toContain('key.tpm.json');
    for (const secret of secretsOf(made)) expect(disk).not.toContain(secret);
    expect(await open('auto', new Tpm(device.tcti))).toEqual(made);
  }
  // The same TPM after the host was switched off.
  await using again = await startTestTpm(at);
  expect(await open('tpm', new Tpm(again.tcti))).toEqual(made);
  expect(said).toEqual([]);
});

test('another TPM does not unseal it, and no new key takes its place', async () => {
  await using mine = await startTestTpm(join(directory.path, 'a'));
  const made = await open('tpm', new Tpm(mine.tcti));
  await using other = await startTestTpm(join(directory.path, 'b'));
  const before = await onDisk();
  for (const choice of ['auto', 'tpm', 'file'] as const) {
    for (const tpm of [new Tpm(other.tcti), NO_TPM]) {
      await expect(open(choice, tpm)).rejects.toMatchObject({
        code: 'AGENT_KEY_UNUSABLE',
        hint: expect.stringContaining('key.tpm.json') as string,
      });
    }
  }
  expect(await onDisk()).toBe(before);
  expect(await open('auto', new Tpm(mine.tcti))).toEqual(made);
});

test('who insists on a TPM gets no file; who does not is told', async () => {
  await expect(open('tpm', NO_TPM)).rejects.toMatchObject({ code: 'AGENT_KEY_UNUSABLE' });
  expect(await onDisk()).toBe('');
  await using device = await startTestTpm(join(directory.path, 'tpm'));
  vi.stubEnv('PATH', '/nonexistent');
  await expect(open('tpm', new Tpm(device.tcti))).rejects.toMatchObject({
    code: 'TOOL_MISSING',
    hint: expect.stringContaining('tpm2-tools') as string,
  });
  const made = await open('auto', new Tpm(device.tcti));
  expect(made.storage).toBe('file');
  expect(said).toEqual(['the key of this host is kept in a file: its TPM cannot be used']);
  vi.unstubAllEnvs();
  // What was made in a file stays there until somebody says otherwise.
  expect(await open('auto', new Tpm(device.tcti))).toEqual(made);
});

test('a host without a TPM has a file, and says so', async () => {
  const made = await open('auto', NO_TPM);
  expect(made.storage).toBe('file');
  expect(said).toEqual(['the key of this host is kept in a file: it has no TPM']);
  expect(await open('file', NO_TPM)).toEqual(made);
});

test('another choice moves the key, whatever a power cut left', async () => {
  await using device = await startTestTpm(join(directory.path, 'tpm'));
  const tpm = new Tpm(device.tcti);
  const pem = await makeDeviceKey();
  // As older agents kept it: beside the certificate, too.
  await files.writeJson('identity.json', { server: 's', name: 'n', key: pem });
  expect(await open('auto', tpm)).toEqual({ pem, storage: 'file' });
  const sealed = await open('tpm', tpm);
  expect(sealed).toEqual({ pem, storage: 'tpm' });
  for (const secret of secretsOf(sealed)) expect(await onDisk()).not.toContain(secret);
  expect(await files.readJson('identity.json')).toEqual({ server: 's', name: 'n' });
  // Cut after it was sealed, and before the file went.
  await writeFile(join(files.directory, 'key.pem'), pem);
  expect(await open('auto', tpm)).toEqual({ pem, storage: 'tpm' });
  expect(await onDisk()).not.toContain('PRIVATE KEY');
  expect(await open('file', tpm)).toEqual({ pem, storage: 'file' });
  expect(await readdir(files.directory)).not.toContain('key.tpm.json');
  await files.forget();
  expect(await readdir(files.directory)).toEqual([]);
});
