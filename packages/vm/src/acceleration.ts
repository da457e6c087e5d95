import { access, constants, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { messageOf, type OperationOptions, operation, SlipwayError } from '@slipway/core';
import { BOOT_ID_PATH } from './boot-id.ts';
import { probeKvm } from './kvm-probe.ts';

/** How instructions of a guest are run: by the processor itself, or translated, about ten times slower. */
export type Acceleration =
  | { readonly kind: 'kvm' }
  | {
      readonly kind: 'tcg';
      /** Why it is not KVM, for people. */
      readonly reason: string;
    };

/** Where the answer comes from; replaced in tests. */
export interface AccelerationSources {
  /** `SLIPWAY_ACCEL=kvm|tcg` decides without asking the machine. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  readonly kvmDevice?: string;
  /** Changes with every boot, and with it perhaps what KVM can do. */
  readonly bootIdFile?: string;
  readonly cacheDirectory?: string;
  readonly probe?: typeof probeKvm;
}

/**
 * KVM when it truly works, else TCG. That `/dev/kvm` opens and makes machines proves little: in some clouds it is an imitation that
 * only runs kernels made for it. So a 150-byte guest is run, once per boot, and its answer kept in the user's cache.
 *
 * @throws SlipwayError USAGE when SLIPWAY_ACCEL is neither `kvm` nor `tcg`, TOOL_MISSING without QEMU
 */
export async function findAcceleration(
  options: OperationOptions & AccelerationSources = {},
): Promise<Acceleration> {
  const { environment = process.env, kvmDevice = '/dev/kvm' } = options;
  const wanted = accelerationWanted(environment);
  if (wanted !== undefined) return wanted;
  const refusal = await whyNoKvmDevice(kvmDevice);
  if (refusal !== undefined) return { kind: 'tcg', reason: refusal };
  return (await readAnswer(options)) ?? (await askMachine(options));
}

function accelerationWanted(
  environment: Readonly<Record<string, string | undefined>>,
): Acceleration | undefined {
  const wanted = environment['SLIPWAY_ACCEL'] ?? '';
  if (wanted === '') return undefined;
  if (wanted === 'kvm') return { kind: 'kvm' };
  if (wanted === 'tcg') return { kind: 'tcg', reason: 'SLIPWAY_ACCEL says so' };
  throw new SlipwayError('USAGE', `cannot use SLIPWAY_ACCEL=${wanted}: it must be kvm or tcg`);
}

async function whyNoKvmDevice(device: string): Promise<string | undefined> {
  if (process.arch !== 'x64') return `the machine is ${process.arch}, the guest x86-64`;
  try {
    await access(device, constants.R_OK | constants.W_OK);
    return undefined;
  } catch (cause) {
    const hint = messageOf(cause).includes('EACCES') ? ' (members of the group kvm may open it)' : '';
    return `${messageOf(cause)}${hint}`;
  }
}

async function askMachine(options: OperationOptions & AccelerationSources): Promise<Acceleration> {
  const { signal, log } = operation(options);
  const refusal = await (options.probe ?? probeKvm)(signal);
  const answer: Acceleration =
    refusal === undefined ? { kind: 'kvm' } : { kind: 'tcg', reason: `KVM does not work: ${refusal}` };
  log.debug('acceleration probed', { kind: answer.kind, reason: refusal });
  await keepAnswer(options, answer).catch((cause: unknown) =>
    // Asked again next time; nothing is lost but 50 ms.
    log.debug('acceleration not cached', { reason: messageOf(cause) }),
  );
  return answer;
}

async function readAnswer(sources: AccelerationSources): Promise<Acceleration | undefined> {
  try {
    const answer: unknown = JSON.parse(await readFile(cacheFile(sources), 'utf8'));
    if (typeof answer !== 'object' || answer === null) return undefined;
    if (!('bootId' in answer) || answer.bootId !== (await bootId(sources))) return undefined;
    if ('kind' in answer && answer.kind === 'kvm') return { kind: 'kvm' };
    return 'reason' in answer && typeof answer.reason === 'string'
      ? { kind: 'tcg', reason: answer.reason }
      : undefined;
  } catch {
    return undefined; // absent or damaged: a cache, not a record
  }
}

/** Written beside and renamed: a reader sees the old answer or the new one. */
async function keepAnswer(sources: AccelerationSources, answer: Acceleration): Promise<void> {
  const file = cacheFile(sources);
  await mkdir(join(file, '..'), { recursive: true });
  const temporary = `${file}.${process.pid}`;
  await writeFile(temporary, `${JSON.stringify({ bootId: await bootId(sources), ...answer })}\n`);
  await rename(temporary, file);
}

function cacheFile(sources: AccelerationSources): string {
  const environment = sources.environment ?? process.env;
  const home = environment['XDG_CACHE_HOME'] ?? join(homedir(), '.cache');
  return join(sources.cacheDirectory ?? join(home, 'slipway'), 'acceleration.json');
}

async function bootId(sources: AccelerationSources): Promise<string> {
  return (await readFile(sources.bootIdFile ?? BOOT_ID_PATH, 'utf8')).trim();
}
