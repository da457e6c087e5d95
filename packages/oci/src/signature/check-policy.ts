/** Holds an image against a policy. */
import { type Clock, type OperationOptions, SlipwayError } from '@slipway/core';
import type { ResolvedImage } from '../image.ts';
import { formatReference, type Reference } from '../reference.ts';
import { checkGpgSignatures } from './check-gpg.ts';
import { FoundSignatures, type SignaturePlaceOptions } from './found-signatures.ts';
import type { PolicyRequirement, SignedIdentity } from './policy.ts';
import { type LoadedPolicy, loadPolicy } from './policy-file.ts';
import { requirementsFor } from './policy-scope.ts';
import { identityProblem, nameOfReference } from './signed-name.ts';
import { type AcceptedSignature, type SignatureOutcome, signerWords } from './signer.ts';
import type { PolicyVerdict, RequirementVerdict } from './verdict.ts';

/** Options of {@link checkPolicy} and {@link requireTrusted}. */
export interface PolicyOptions extends SignaturePlaceOptions, OperationOptions {
  /** Default: that of this machine; undefined there is none, which accepts everything. */
  readonly policy?: LoadedPolicy | undefined;
  /** A file to use instead of the policy of this machine. */
  readonly policyPath?: string | undefined;
  readonly clock?: Clock;
}

/**
 * Judges an image by a policy (containers-policy.json(5)). Signatures are read only where the policy asks for them; of the image
 * nothing is read but what was resolved.
 *
 * @param reference the name the image was asked for by: what signatures are compared with
 * @throws SlipwayError SIGNATURE_POLICY_INVALID, SIGNATURE_KEY_INVALID, TOOL_MISSING, and what reading signatures throws
 */
export async function checkPolicy(
  reference: Reference,
  image: ResolvedImage,
  options: PolicyOptions = {},
): Promise<PolicyVerdict> {
  const loaded = options.policy ?? (await loadPolicy(options.policyPath));
  if (loaded === undefined) {
    return { kind: 'unverified', policyPath: undefined, rule: undefined, requirements: [] };
  }
  const { rule, requirements } = requirementsFor(loaded.policy, reference);
  await using found = new FoundSignatures(reference, image, options);
  const verdicts: RequirementVerdict[] = [];
  for (const requirement of requirements) {
    const verdict = await checkRequirement(requirement, found, options);
    verdicts.push(verdict);
    if (!verdict.isMet) break;
  }
  return { kind: kindOf(verdicts), policyPath: loaded.path, rule, requirements: verdicts };
}

/**
 * The same, for whoever is about to use the image.
 *
 * @throws SlipwayError SIGNATURE_REFUSED, and what {@link checkPolicy} throws
 */
export async function requireTrusted(
  reference: Reference,
  image: ResolvedImage,
  options: PolicyOptions = {},
): Promise<PolicyVerdict> {
  const verdict = await checkPolicy(reference, image, options);
  if (verdict.kind !== 'refused') return verdict;
  throw refusal(formatReference(reference), verdict);
}

/** Who signed, and by which rule that counts, in one line for people. */
export function verdictWords({ kind, policyPath, rule, requirements }: PolicyVerdict): string {
  const place = rule === undefined ? '' : ` (${rule} in ${policyPath})`;
  if (kind === 'unverified')
    return policyPath === undefined ? 'not verified (no policy)' : `not verified${place}`;
  if (kind === 'refused') return `refused${place}`;
  const signers = requirements.flatMap(({ signature }) =>
    signature === undefined ? [] : signerWords(signature.signer),
  );
  return `signed by ${[...new Set(signers)].join(' and ')}${place}`;
}

function kindOf(verdicts: readonly RequirementVerdict[]): PolicyVerdict['kind'] {
  if (verdicts.some(({ isMet }) => !isMet)) return 'refused';
  return verdicts.some(({ signature }) => signature !== undefined) ? 'verified' : 'unverified';
}

function refusal(name: string, { policyPath, rule, requirements }: PolicyVerdict): SlipwayError {
  const unmet = requirements.find(({ isMet }) => !isMet);
  const why =
    unmet?.type === 'reject'
      ? 'the signature policy rejects it'
      : unmet?.type === 'signedBaseLayer'
        ? 'the signature policy demands signedBaseLayer, which nothing implements'
        : unmet?.rejected.length === 0
          ? 'the signature policy demands a signature, and it has none'
          : 'none of its signatures is one the signature policy demands';
  return new SlipwayError('SIGNATURE_REFUSED', `cannot use ${name}: ${why}`, {
    hint: `the rule is ${rule} of ${policyPath}; slipway verify shows what was found`,
    details: { policy: policyPath ?? '', rule: rule ?? '' },
    findings: (unmet?.rejected ?? []).map(({ format, problem }) => `a ${format} signature: ${problem}`),
  });
}

async function checkRequirement(
  requirement: PolicyRequirement,
  found: FoundSignatures,
  options: PolicyOptions,
): Promise<RequirementVerdict> {
  switch (requirement.type) {
    case 'insecureAcceptAnything':
      return { type: requirement.type, isMet: true, signature: undefined, rejected: [] };
    case 'reject':
    case 'signedBaseLayer':
      return { type: requirement.type, isMet: false, signature: undefined, rejected: [] };
    case 'signedBy':
      return verdictOf(requirement, found, await checkGpgSignatures(found, requirement.keys, options));
    case 'sigstoreSigned':
    default: {
      const isLooking = await found.usesAttachments();
      if (!isLooking) return notLooking();
      // 100 ms of libraries, for those who need them.
      const [{ trustOfRequirement }, { checkSigstoreSignatures }] = await Promise.all([
        import('./policy-trust.ts'),
        import('./check-signatures.ts'),
      ]);
      const trust = await trustOfRequirement(requirement, options.clock);
      return verdictOf(requirement, found, await checkSigstoreSignatures(found, trust));
    }
  }
}

/** As podman, which would otherwise ask every registry twice as much. */
function notLooking(): RequirementVerdict {
  const problem =
    'attached signatures do not count: use-sigstore-attachments is not set in registries.d for this registry';
  return {
    type: 'sigstoreSigned',
    isMet: false,
    signature: undefined,
    rejected: [{ format: 'cosign', problem }],
  };
}

/** The first signature that holds and is for the right name. */
function verdictOf(
  { type, identity }: { readonly type: 'signedBy' | 'sigstoreSigned'; readonly identity: SignedIdentity },
  { reference }: FoundSignatures,
  outcomes: readonly SignatureOutcome[],
): RequirementVerdict {
  const rejected = [];
  for (const outcome of outcomes) {
    if (outcome.kind === 'rejected') {
      rejected.push(outcome.signature);
      continue;
    }
    const { signature } = outcome;
    const problem = nameProblem(signature, identity, reference);
    if (problem === undefined) return { type, isMet: true, signature, rejected };
    rejected.push({ format: signature.format, problem });
  }
  return { type, isMet: false, signature: undefined, rejected };
}

function nameProblem(
  { dockerReference, signer }: AcceptedSignature,
  identity: SignedIdentity,
  reference: Reference,
): string | undefined {
  if (dockerReference === undefined)
    return `by ${signerWords(signer)}: it does not say which name the image was signed under`;
  const problem = identityProblem(identity, nameOfReference(reference), dockerReference);
  return problem === undefined ? undefined : `by ${signerWords(signer)}: ${problem}`;
}
