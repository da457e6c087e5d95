import { open } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Logger, messageOf, type OperationOptions, operation, SlipwayError } from '@slipway/core';
import type { ConfigFile } from '../config/load-config.ts';
import { parseKickstart } from './parser.ts';
import { type KickstartOptions, type KickstartPlan, planKickstart } from './plan.ts';
import type { KickstartProblem, LoadFile } from './source.ts';

const MAX_BYTES = 16 * 1024 * 1024;

/**
 * Reads a kickstart file, with the files and addresses it includes, and works out what it would do. What is wrong with the
 * file is in the plan.
 *
 * @throws SlipwayError IO_FAILED when the file itself cannot be read
 */
export async function loadKickstart(
  path: string,
  options: KickstartOptions,
  operationOptions: OperationOptions = {},
): Promise<KickstartPlan> {
  const { signal } = operation(operationOptions);
  const load = loader(signal);
  const { text } = await load(path, path).catch((cause: unknown) => {
    throw new SlipwayError('IO_FAILED', `cannot read the kickstart file ${path}: ${messageOf(cause)}`, {
      cause,
    });
  });
  return planKickstart(path, await parseKickstart(path, text, load), options);
}

/**
 * The configuration of a disk image a kickstart file describes.
 *
 * @throws SlipwayError KICKSTART_INVALID with every error of the file; warnings are logged
 */
export async function kickstartConfig(
  path: string,
  isStrict: boolean,
  options: OperationOptions = {},
): Promise<ConfigFile> {
  const plan = await loadKickstart(path, { target: 'disk', isStrict }, options);
  const errors = kickstartErrors(path, plan.problems);
  if (errors !== undefined) throw errors;
  warn(plan.problems, operation(options).log);
  return plan.config;
}

/** What is wrong with a file, all of it in one error. */
export function kickstartErrors(
  path: string,
  problems: readonly KickstartProblem[],
): SlipwayError | undefined {
  const errors = problems.filter(({ severity }) => severity === 'error');
  if (errors.length === 0) return undefined;
  const count = errors.length === 1 ? 'one error' : `${errors.length} errors`;
  return new SlipwayError('KICKSTART_INVALID', `cannot use the kickstart file ${path}: ${count}`, {
    findings: errors.map(problemLine),
  });
}

/** A problem as people read it: `ks.cfg:12: warning: …`. */
export function problemLine({ severity, file, line, message }: KickstartProblem): string {
  return `${file}:${line}: ${severity}: ${message}`;
}

function warn(problems: readonly KickstartProblem[], log: Logger): void {
  for (const { file, line, message } of problems) log.warn(`${file}:${line}: ${message}`);
}

function loader(signal: AbortSignal): LoadFile {
  return async (name, from) => {
    if (/^https?:\/\//.test(name)) return { name, text: await fetched(name, signal) };
    if (/^(?:ftp|nfs):/.test(name)) throw new Error('only files, http and https can be read here');
    const isBelowUrl = /^https?:\/\//.test(from);
    if (isBelowUrl && !name.startsWith('/') && !name.startsWith('file:')) {
      const url = new URL(name, from).href;
      return { name: url, text: await fetched(url, signal) };
    }
    const file = name.startsWith('file:')
      ? fileURLToPath(name)
      : name === from
        ? name
        : resolve(dirname(from), name);
    return { name: file, text: await fileText(file) };
  };
}

async function fileText(path: string): Promise<string> {
  await using file = await open(path);
  const { size } = await file.stat();
  if (size > MAX_BYTES) throw new Error(`it is larger than ${MAX_BYTES} bytes`);
  return await file.readFile('utf8');
}

async function fetched(url: string, signal: AbortSignal): Promise<string> {
  const answer = await fetch(url, { signal: AbortSignal.any([signal, AbortSignal.timeout(30_000)]) });
  if (!answer.ok || answer.body === null) throw new Error(`the server answers ${answer.status}`);
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of answer.body) {
    bytes += chunk.length;
    if (bytes > MAX_BYTES) throw new Error(`it is larger than ${MAX_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
