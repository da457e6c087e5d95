/** What was known of the signatures of an image when it was brought here: kept with its deployment, shown by status. */
import { type PolicyVerdict, signerWords } from '@slipway/oci';

/** The verdict of the signature policy over a deployment's image. */
export interface DeploymentTrust {
  /** `verified`: signed by whom the policy demands; `unverified`: the policy, or there being none, demands nothing. */
  readonly kind: 'verified' | 'unverified';
  /** The policy file; null where there was none. */
  readonly policy: string | null;
  /** The rule of it that counted: `default`, `docker:registry.example/shop`. */
  readonly rule: string | null;
  /** Who signed, in words. */
  readonly signedBy: readonly string[];
}

/** The same of an image that is not here: it may be refused. */
export type ImageTrust = Omit<DeploymentTrust, 'kind'> & {
  readonly kind: DeploymentTrust['kind'] | 'refused';
};

/** What is kept of a verdict that let an image pass. */
export function deploymentTrust(verdict: PolicyVerdict): DeploymentTrust {
  return { ...imageTrust(verdict), kind: verdict.kind === 'verified' ? 'verified' : 'unverified' };
}

/** What is said of a verdict. */
export function imageTrust({ kind, policyPath, rule, requirements }: PolicyVerdict): ImageTrust {
  const signers = requirements.flatMap(({ signature }) =>
    signature === undefined ? [] : signerWords(signature.signer),
  );
  return {
    kind,
    policy: policyPath ?? null,
    rule: rule ?? null,
    signedBy: [...new Set(signers)],
  };
}

/** One line for an origin file. */
export function formatTrust(trust: DeploymentTrust): string {
  return JSON.stringify(trust);
}

/** Reads the line; undefined when it is none: what is not known is not claimed. */
export function parseTrust(text: string | undefined): DeploymentTrust | undefined {
  if (text === undefined) return undefined;
  try {
    const { kind, policy, rule, signedBy } = JSON.parse(text) as Partial<Record<string, unknown>>;
    if (kind !== 'verified' && kind !== 'unverified') return undefined;
    return {
      kind,
      policy: typeof policy === 'string' ? policy : null,
      rule: typeof rule === 'string' ? rule : null,
      signedBy: Array.isArray(signedBy) ? signedBy.filter((each) => typeof each === 'string') : [],
    };
  } catch {
    return undefined;
  }
}
