import { readFile } from 'node:fs/promises';
import { errnoOf, isSlipwayError, messageOf, SlipwayError } from '@slipway/core';
import { policyPaths } from '../registry/config-paths.ts';
import { duplicateKeys } from './json-duplicates.ts';
import type { SignaturePolicy } from './policy.ts';
import { policyProblems } from './policy-problems.ts';

/** A policy and the file it is from. */
export interface LoadedPolicy {
  readonly path: string;
  readonly policy: SignaturePolicy;
}

/** Larger files are no policies. */
const MAX_POLICY_BYTES = 4 * 2 ** 20;

/**
 * Reads the text of a `policy.json` (containers-policy.json(5)).
 *
 * @param path names it in errors
 * @throws SlipwayError SIGNATURE_POLICY_INVALID that lists everything wrong with it
 */
export async function parsePolicy(text: string, path: string): Promise<SignaturePolicy> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw invalid(path, [`it is not JSON: ${messageOf(cause)}`], cause);
  }
  const { policySchema } = await import('./policy-schema.ts');
  const checked = policySchema.safeParse(json);
  const problems = [
    ...duplicateKeys(text).map((key) => `${key}: stands there twice`),
    ...policyProblems(json),
  ];
  if (!checked.success) {
    for (const issue of checked.error.issues) {
      problems.push(`${issue.path.map(String).join('.') || 'the file'}: ${wordsOf(issue.message)}`);
    }
  }
  if (!checked.success || problems.length > 0) throw invalid(path, problems);
  return checked.data;
}

/**
 * The policy of this machine: the user's own file where there is one, else the system's; undefined when there is neither.
 *
 * @param path a file that must be there
 * @throws SlipwayError SIGNATURE_POLICY_INVALID
 */
export async function loadPolicy(path?: string): Promise<LoadedPolicy | undefined> {
  for (const candidate of path === undefined ? policyPaths() : [path]) {
    const text = await readIfThere(candidate);
    if (text !== undefined) return { path: candidate, policy: await parsePolicy(text, candidate) };
  }
  if (path === undefined) return undefined;
  throw invalid(path, ['there is no such file']);
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    const bytes = await readFile(path);
    if (bytes.length > MAX_POLICY_BYTES) throw invalid(path, [`it is larger than ${MAX_POLICY_BYTES} bytes`]);
    return bytes.toString('utf8');
  } catch (cause) {
    // Only its absence means that there is none: a policy that cannot be read must not count as none.
    if (errnoOf(cause) === 'ENOENT') return undefined;
    if (isSlipwayError(cause)) throw cause;
    throw invalid(path, [`it cannot be read: ${messageOf(cause)}`], cause);
  }
}

/** Words of the validator, made to stand after a path. */
function wordsOf(message: string): string {
  return message.replace(/^Invalid input: /, '').slice(0, 300);
}

function invalid(path: string, problems: readonly string[], cause?: unknown): SlipwayError {
  const [only = '', ...others] = problems;
  const rest =
    others.length === 0 ? { words: only, findings: [] } : { words: 'see below', findings: problems };
  return new SlipwayError(
    'SIGNATURE_POLICY_INVALID',
    `cannot use the signature policy ${path}: ${rest.words}`,
    {
      hint: 'see containers-policy.json(5)',
      details: { path },
      findings: rest.findings,
      cause,
    },
  );
}
