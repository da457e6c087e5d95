import type { AcceptedSignature, RejectedSignature } from './signer.ts';

/** What became of one requirement of a policy. */
export interface RequirementVerdict {
  readonly type: 'insecureAcceptAnything' | 'reject' | 'signedBaseLayer' | 'signedBy' | 'sigstoreSigned';
  readonly isMet: boolean;
  /** The signature that met it. */
  readonly signature: AcceptedSignature | undefined;
  /** Why signatures that were found did not. */
  readonly rejected: readonly RejectedSignature[];
}

/** What a policy says of an image. */
export interface PolicyVerdict {
  /** `verified`: a signature the policy demands is there; `unverified`: it demands none; `refused`. */
  readonly kind: 'verified' | 'unverified' | 'refused';
  /** The file; undefined where this machine has no policy, which accepts everything. */
  readonly policyPath: string | undefined;
  /** Where in the policy the requirements stand: `default`, `docker`, `docker:registry.example/shop`; undefined without a policy. */
  readonly rule: string | undefined;
  readonly requirements: readonly RequirementVerdict[];
}
