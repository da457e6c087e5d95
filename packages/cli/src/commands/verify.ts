import { readFile } from 'node:fs/promises';
import { messageOf, SlipwayError } from '@slipway/core';
import {
  type AcceptedSignature,
  checkPolicy,
  expandReference,
  type IdentityPattern,
  openImage,
  type PolicyVerdict,
  parsePublicKey,
  type RejectedSignature,
  readKeyFile,
  signerWords,
  type TrustedSigner,
  verdictWords,
  verifyImage,
} from '@slipway/oci';
import type { CommandContext } from '../command/spec.ts';
import { emit } from '../output/emit.ts';
import { machineArchitecture } from './architecture.ts';

interface VerifyInput {
  readonly image: string;
  readonly key: readonly string[];
  readonly certificateIdentity: string | undefined;
  readonly certificateIdentityRegexp: string | undefined;
  readonly certificateOidcIssuer: string | undefined;
  readonly certificateOidcIssuerRegexp: string | undefined;
  readonly trustedRoot: string | undefined;
  readonly annotation: readonly (readonly [name: string, value: string])[];
  readonly signaturePolicy: string | undefined;
  readonly arch: 'amd64' | 'arm64' | undefined;
  readonly json: boolean;
}

interface Answer {
  readonly image: string;
  readonly digest: string;
  readonly manifestDigest: string;
  /** Null where a key or an identity was asked for. */
  readonly policy: PolicyVerdict | null;
  readonly signatures: readonly AcceptedSignature[];
  readonly rejected: readonly RejectedSignature[];
}

/** `slipway verify REF`. */
export async function verify(input: VerifyInput, context: CommandContext): Promise<number> {
  const signer = await trustedSigner(input);
  const reference = await expandReference(input.image, context.operation);
  await using source = openImage(reference);
  const image = await source.resolve(input.arch ?? machineArchitecture(), context.operation);
  const known = { image: source.name, digest: image.referenceDigest, manifestDigest: image.manifestDigest };
  if (signer !== undefined) {
    const annotations = Object.fromEntries(input.annotation);
    const found = await verifyImage(reference, image, signer, annotations, context.operation);
    const answer: Answer = { ...known, policy: null, signatures: found.accepted, rejected: found.rejected };
    emit(context, input, answer, answerWords);
    return 0;
  }
  const policy = await checkPolicy(reference, image, {
    ...context.operation,
    policyPath: input.signaturePolicy,
  });
  const signatures = policy.requirements.flatMap(({ signature }) => signature ?? []);
  const rejected = policy.requirements.flatMap((requirement) => requirement.rejected);
  emit<Answer>(context, input, { ...known, policy, signatures, rejected }, answerWords);
  return policy.kind === 'verified' ? 0 : 1;
}

/** Undefined: the policy decides. */
async function trustedSigner(input: VerifyInput): Promise<TrustedSigner | undefined> {
  const { key, trustedRoot } = input;
  const root =
    trustedRoot === undefined ? undefined : { text: await readText(trustedRoot), source: trustedRoot };
  const subject = pattern(input.certificateIdentity, input.certificateIdentityRegexp, 'certificate-identity');
  const issuer = pattern(
    input.certificateOidcIssuer,
    input.certificateOidcIssuerRegexp,
    'certificate-oidc-issuer',
  );
  if (key.length > 0) {
    const keys = await Promise.all(key.map(async (path) => parsePublicKey(await readKeyFile(path), path)));
    return { kind: 'keys', keys, trustedRoot: root };
  }
  if (subject === undefined && issuer === undefined && root === undefined) {
    if (input.annotation.length === 0) return undefined;
    throw new SlipwayError('USAGE', 'cannot use --annotation without --key or --certificate-identity');
  }
  if (subject !== undefined && issuer !== undefined && root !== undefined) {
    return { kind: 'identity', trustedRoot: root, subject, issuer };
  }
  throw new SlipwayError(
    'USAGE',
    'cannot verify by a certificate: who signed and whom to trust must both be said',
    {
      hint: 'give --certificate-identity, --certificate-oidc-issuer and --trusted-root',
    },
  );
}

function pattern(
  exactly: string | undefined,
  expression: string | undefined,
  name: string,
): IdentityPattern | undefined {
  if (expression === undefined) return exactly === undefined ? undefined : { exactly };
  try {
    return { matching: new RegExp(expression, 'u') };
  } catch (cause) {
    throw new SlipwayError('USAGE', `cannot use '${expression}' for --${name}-regexp: ${messageOf(cause)}`, {
      cause,
    });
  }
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new SlipwayError(
      'SIGNATURE_KEY_INVALID',
      `cannot read the trusted root ${path}: ${messageOf(cause)}`,
      {
        cause,
      },
    );
  }
}

function answerWords({ image, digest, policy, signatures, rejected }: Answer): readonly string[] {
  const verdict = policy === null ? [] : [verdictWords(policy)];
  return [
    `${image} (${digest})`,
    ...verdict.map((words) => `  ${words}`),
    ...signatures.map((each) => `  ${signatureWords(each)}`),
    ...rejected.map(({ format, problem }) => `  ${format} signature that does not count: ${problem}`),
  ];
}

function signatureWords({ format, signer, dockerReference, seenAt }: AcceptedSignature): string {
  const name = dockerReference === undefined ? '' : `, as ${dockerReference}`;
  const seen = seenAt === undefined ? '' : `, seen ${seenAt}`;
  return `${format} signature by ${signerWords(signer)}${name}${seen}`;
}
