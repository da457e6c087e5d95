/** What containers-policy.json(5) can say, as data. */

/** Where keys or certificates come from: files read when they are needed, or bytes of the policy itself (base64 there). */
export type KeyMaterial =
  | { readonly kind: 'files'; readonly paths: readonly string[] }
  | { readonly kind: 'data'; readonly data: readonly Buffer[] };

/** How the name in a signature is held against the name the image was asked for by. */
export type SignedIdentity =
  | { readonly type: 'matchExact' }
  | { readonly type: 'matchRepoDigestOrExact' }
  | { readonly type: 'matchRepository' }
  | { readonly type: 'exactReference'; readonly dockerReference: string }
  | { readonly type: 'exactRepository'; readonly dockerRepository: string }
  | { readonly type: 'remapIdentity'; readonly prefix: string; readonly signedPrefix: string };

/** Who may sign under `sigstoreSigned`. */
export type SigstoreSigner =
  | { readonly kind: 'keys'; readonly keys: KeyMaterial }
  | {
      readonly kind: 'fulcio';
      readonly certificateAuthority: KeyMaterial;
      readonly oidcIssuer: string;
      readonly subjectEmail: string;
    }
  | {
      readonly kind: 'pki';
      readonly roots: KeyMaterial;
      readonly intermediates: KeyMaterial | undefined;
      readonly subjectEmail: string | undefined;
      readonly subjectHostname: string | undefined;
    };

/** One thing that must hold for an image to be used. */
export type PolicyRequirement =
  | { readonly type: 'insecureAcceptAnything' }
  | { readonly type: 'reject' }
  /** Known to the format, implemented by nobody: never holds. */
  | { readonly type: 'signedBaseLayer' }
  | { readonly type: 'signedBy'; readonly keys: KeyMaterial; readonly identity: SignedIdentity }
  | {
      readonly type: 'sigstoreSigned';
      readonly signer: SigstoreSigner;
      /** Keys of transparency logs, one of which must have promised the signature. */
      readonly rekorKeys: KeyMaterial | undefined;
      readonly identity: SignedIdentity;
    };

/** All of them must hold; never empty. */
export type PolicyRequirements = readonly [PolicyRequirement, ...PolicyRequirement[]];

/** A `policy.json`. */
export interface SignaturePolicy {
  readonly default: PolicyRequirements;
  /** By transport (`docker`, `oci`, …), then by scope; the scope `""` is the transport's own default. */
  readonly transports: ReadonlyMap<string, ReadonlyMap<string, PolicyRequirements>>;
}
